use aws_client::Fault;
use engine::ports::PortError;

pub(crate) const SERVICE: &str = "Elastic Load Balancing";

pub(crate) fn port(fault: &Fault) -> PortError {
    PortError::of(SERVICE, fault.kind.is_transient(), fault.detail(), fault.remedy())
}

pub(crate) fn permanent(detail: String, remedy: &str) -> PortError {
    PortError::Permanent { service: SERVICE, detail, remedy: remedy.to_owned() }
}
