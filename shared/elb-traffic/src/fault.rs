use aws_client::Fault;
use engine::ports::PortError;

pub(crate) const SERVICE: &str = "Elastic Load Balancing";

pub(crate) fn port(fault: &Fault) -> PortError {
    if fault.kind.is_transient() {
        PortError::Transient { service: SERVICE, detail: fault.detail() }
    } else {
        PortError::Permanent { service: SERVICE, detail: fault.detail(), remedy: fault.remedy().to_owned() }
    }
}

pub(crate) fn permanent(detail: String, remedy: &str) -> PortError {
    PortError::Permanent { service: SERVICE, detail, remedy: remedy.to_owned() }
}
