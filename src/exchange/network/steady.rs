//! Connections that ask less of the kernel. By itself ureq tells it before every read and write how much time is left,
//! and looks whether a connection still stands when it is given back and again when it is taken: seven calls for each
//! request besides the two that carry it.

use std::time::Duration;

use ureq::Error;
use ureq::unversioned::transport::time::Duration as Left;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};

/// Time that is left is rounded up to this, as long as there is much more of it: mostly it stays what it was.
const STEP: Duration = Duration::from_secs(5);

/// Opens connections as ureq does.
#[derive(Debug, Default)]
pub(super) struct Steady(DefaultConnector);

impl Connector for Steady {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let connected = self.0.connect(details, chained)?;
        Ok(connected.map(|inner| Box::new(Connection { inner, used: false }) as Self::Out))
    }
}

#[derive(Debug)]
struct Connection {
    inner: Box<dyn Transport>,
    /// Since somebody looked whether it stands.
    used: bool,
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.inner.transmit_output(amount, rounded(timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.used = true;
        self.inner.await_input(rounded(timeout))
    }

    /// What is given back was heard of a moment ago; it is looked at when somebody takes it.
    fn is_open(&mut self) -> bool {
        std::mem::take(&mut self.used) || self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

fn rounded(timeout: NextTimeout) -> NextTimeout {
    let after = match timeout.after {
        Left::Exact(left) if left > 4 * STEP => {
            let steps = left.as_millis().div_ceil(STEP.as_millis());
            Left::Exact(STEP.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX)))
        }
        left => left,
    };
    NextTimeout { after, ..timeout }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_time_is_rounded_up_and_little_is_exact() {
        for (left, rounded_to) in [
            (64_990, 65_000),
            (65_000, 65_000),
            (20_001, 25_000),
            (20_000, 20_000),
            (7, 7),
        ] {
            let timeout = NextTimeout {
                after: Left::from_millis(left),
                ..NextTimeout::default()
            };
            assert_eq!(
                rounded(timeout).after,
                Left::from_millis(rounded_to),
                "{left}"
            );
        }
        assert!(rounded(NextTimeout::default()).after.is_not_happening());
    }
}
