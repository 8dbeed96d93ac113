//! Jobs that are done several at a time.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::Result;

/// Does the jobs in their order, `at_once` at a time.
///
/// # Errors
/// If a job fails; then none is begun any more.
pub fn run<J: Sync>(
    jobs: &[J],
    at_once: usize,
    work: impl Fn(&J) -> Result<()> + Sync,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Ok(()));
    thread::scope(|scope| {
        for _ in 0..at_once.min(jobs.len()) {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = work(job) {
                        next.store(jobs.len(), Ordering::Relaxed);
                        *failed.lock().expect("no holder panics") = Err(error);
                    }
                }
            });
        }
    });
    failed.into_inner().expect("no holder panics")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_done_until_one_fails() {
        let done = AtomicUsize::new(0);
        let work = |job: &usize| {
            done.fetch_add(*job, Ordering::Relaxed);
            anyhow::ensure!(*job < 4, "job {job}");
            Ok(())
        };
        run(&[1, 2, 3], 2, work).unwrap();
        assert_eq!(done.load(Ordering::Relaxed), 6);
        assert_eq!(run(&[4, 1], 1, work).unwrap_err().to_string(), "job 4");
        assert_eq!(done.load(Ordering::Relaxed), 10);
    }
}
