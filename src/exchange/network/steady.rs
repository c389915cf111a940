//! Connections that ask less of the kernel. By itself ureq tells it before every read and write how much time is left,
//! and looks whether a connection still stands when it is given back and again when it is taken: seven calls for each
//! request besides the two that carry it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ureq::Error;
use ureq::unversioned::transport::time::Duration as Left;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};

/// Time that is left is rounded up to this, as long as there is much more of it: mostly it stays what it was.
const STEP: Duration = Duration::from_secs(5);

/// Opens connections as ureq does.
#[derive(Debug)]
pub(super) struct Steady {
    connector: DefaultConnector,
    age: Arc<AtomicU32>,
}

impl Steady {
    /// With the age of the connections that may be used: one that is older is closed.
    pub fn new(age: &Arc<AtomicU32>) -> Steady {
        let (connector, age) = (DefaultConnector::default(), Arc::clone(age));
        Steady { connector, age }
    }
}

impl Connector for Steady {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let connected = self.connector.connect(details, chained)?;
        let connection = |inner| Connection {
            inner,
            used: false,
            born: self.age.load(Ordering::Relaxed),
            age: Arc::clone(&self.age),
        };
        Ok(connected.map(|inner| Box::new(connection(inner)) as Self::Out))
    }
}

#[derive(Debug)]
struct Connection {
    inner: Box<dyn Transport>,
    /// Since somebody looked whether it stands.
    used: bool,
    /// How old it is, and how old one is that is made now.
    born: u32,
    age: Arc<AtomicU32>,
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
        let trusted = self.born == self.age.load(Ordering::Relaxed);
        trusted && (std::mem::take(&mut self.used) || self.inner.is_open())
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
