//! The tasks of `cargo xtask` that need libraries.

mod assets;
mod chromium;
mod cluster;
mod crates;
mod cuda;
mod features;
mod format;
mod fuzz;
mod mutants;
mod object_store;
mod package;
mod parity;
mod peers;
mod portable;
mod python;
mod test;
mod web;

use anyhow::Result;
use clap::{Command, CommandFactory, FromArgMatches, Parser};
use xtask::TASKS;

/// `xtask::TASKS` says what each does.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    Test(test::Options),
    Format(format::Options),
    Parity,
    Assets(assets::Options),
    ObjectStore,
    Cluster,
    ShadersChromium,
    CudaCheck(cuda::Options),
    Mutants(mutants::Options),
    Web(web::Options),
    Serve(web::Serve),
    Peers(peers::Options),
    Fuzz(fuzz::Options),
    Features,
    Portable,
    Package,
}

fn main() -> Result<()> {
    let task = Task::from_arg_matches(&command().get_matches())?;
    match task {
        Task::Test(options) => test::run(&options),
        Task::Format(options) => format::run(&options),
        Task::Parity => parity::run(),
        Task::Assets(options) => assets::run(&options),
        Task::ObjectStore => object_store::run(),
        Task::Cluster => cluster::run(),
        Task::ShadersChromium => chromium::run(),
        Task::CudaCheck(options) => cuda::run(&options),
        Task::Mutants(options) => mutants::run(&options),
        Task::Web(options) => web::run(&options),
        Task::Serve(options) => web::serve(&options),
        Task::Peers(options) => peers::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Features => features::run(),
        Task::Portable => portable::run(),
        Task::Package => package::run(),
    }
}

/// The command line, each task with its line in the list.
fn command() -> Command {
    let mut command = Task::command();
    for task in TASKS {
        if command.find_subcommand(task.name).is_some() {
            command = command.mut_subcommand(task.name, |found| found.about(task.about));
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_in_the_list() {
        command().debug_assert();
        for task in Task::command().get_subcommands() {
            let listed = TASKS.iter().any(|listed| listed.name == task.get_name());
            assert!(listed, "{} is missing in the list", task.get_name());
        }
        // Those that are not here are tasks of the crate `xtask`.
        let here = |name: &str| Task::command().find_subcommand(name).is_some();
        let elsewhere: Vec<_> = TASKS
            .iter()
            .map(|task| task.name)
            .filter(|name| !here(name))
            .collect();
        assert_eq!(elsewhere, ["demo", "fonts"]);
    }
}
