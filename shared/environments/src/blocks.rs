//! The blocks beside services and rollouts, each checked where it is written.

use std::collections::BTreeMap;

use crate::invalid::InvalidConfiguration;
use crate::notifications::{Channel, WrittenChannel};
use crate::place::Place;
use crate::promotion::{Promotion, WrittenPromotion};
use schedule::{InvalidWindow, Window, WrittenWindow};

/// The block `promotion` of an environment of this name.
pub(crate) fn promotion(written: WrittenPromotion, own: &str) -> Result<Promotion, InvalidConfiguration> {
    Promotion::read(written, own).map_err(|(keys, source)| {
        let place = Place::of(["promotion"]).then(keys);
        InvalidConfiguration::Promotion { place, source }
    })
}

/// The block `freeze`.
pub(crate) fn freeze(written: Vec<WrittenWindow>) -> Result<Vec<Window>, InvalidConfiguration> {
    let mut windows: Vec<Window> = Vec::new();
    for (index, window) in written.into_iter().enumerate() {
        let refused = |(key, source): (&'static str, InvalidWindow)| {
            let place = Place::of(["freeze"]).item(index).key(key);
            InvalidConfiguration::Window { place, source }
        };
        let window = Window::try_from(window).map_err(refused)?;
        if windows.iter().any(|before| before.name() == window.name()) {
            return Err(refused(("name", InvalidWindow::Twice(window.name().to_owned()))));
        }
        windows.push(window);
    }
    Ok(windows)
}

/// The block `notifications`.
pub(crate) fn notifications(
    written: BTreeMap<String, WrittenChannel>,
) -> Result<BTreeMap<String, Channel>, InvalidConfiguration> {
    let read = |(name, channel): (String, WrittenChannel)| match Channel::read(&name, channel) {
        Ok(channel) => Ok((name, channel)),
        Err((key, source)) => {
            let place = Place::of(["notifications", name.as_str()]);
            let place = key.map_or_else(|| place.clone(), |key| place.key(key));
            Err(InvalidConfiguration::Channel { place, source })
        }
    };
    written.into_iter().map(read).collect()
}
