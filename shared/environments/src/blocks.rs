//! The blocks beside services and rollouts, each checked where it is written.

use crate::invalid::{InvalidConfiguration, Mistakes};
use crate::place::Place;
use crate::promotion::{Promotion, WrittenPromotion};
use schedule::{InvalidWindow, Window, WrittenWindow};

/// The block `promotion` of an environment of this name.
pub(crate) fn promotion(written: WrittenPromotion, own: &str) -> Result<Promotion, Mistakes> {
    Promotion::read(written, own).map_err(|(keys, source)| {
        let place = Place::of(["promotion"]).then(keys);
        InvalidConfiguration::Promotion { place, source }.into()
    })
}

/// The block `freeze`.
pub(crate) fn freeze(written: Vec<WrittenWindow>) -> Result<Vec<Window>, Mistakes> {
    let (mut windows, mut wrong): (Vec<Window>, _) = (Vec::new(), Vec::new());
    for (index, window) in written.into_iter().enumerate() {
        match next(&windows, window) {
            Ok(window) => windows.push(window),
            Err((key, source)) => {
                let place = Place::of(["freeze"]).item(index).key(key);
                wrong.push(InvalidConfiguration::Window { place, source });
            }
        }
    }
    Mistakes::none_of(wrong).map(|()| windows)
}

/// A window that has a name of its own among those before it; otherwise the key that is to blame, and why.
pub(crate) fn next<'a>(
    before: impl IntoIterator<Item = &'a Window>,
    written: WrittenWindow,
) -> Result<Window, (&'static str, InvalidWindow)> {
    let window = Window::try_from(written)?;
    if before.into_iter().any(|before| before.name() == window.name()) {
        return Err(("name", InvalidWindow::Twice(window.name().to_owned())));
    }
    Ok(window)
}
