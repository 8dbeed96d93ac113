//! `cargo xtask` as a newcomer meets it.

use std::process::Command;

/// Exit code, standard output and standard error.
fn xtask(arguments: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let output = command.args(arguments.split_whitespace()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn help_lists_every_task_in_a_line_of_a_terminal() {
    for arguments in ["", "help", "--help", "-h"] {
        let (code, help, errors) = xtask(arguments);
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{arguments}");
        for task in xtask::TASKS {
            let line = help
                .lines()
                .find(|line| line.trim_start().starts_with(task.name));
            assert!(
                line.is_some_and(|line| line.ends_with(task.about)),
                "{help}"
            );
        }
        assert!(help.lines().all(|line| line.len() <= 100), "{help}");
    }
}

#[test]
fn tasks_without_libraries_have_help() {
    for arguments in ["help demo", "demo --help", "demo -h"] {
        let (code, help, errors) = xtask(arguments);
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{arguments}");
        assert!(help.ends_with("Usage: cargo xtask demo\n"), "{help}");
    }
}

#[test]
fn what_is_no_task_is_a_sentence() {
    for (arguments, sentence) in [
        (
            "dmeo",
            "error: expected a task, found `dmeo`: `cargo xtask help` lists them\n",
        ),
        (
            "help x",
            "error: expected a task, found `x`: `cargo xtask help` lists them\n",
        ),
        (
            "demo fast",
            "error: expected nothing after `demo`, found `fast`\n",
        ),
    ] {
        let (code, text, errors) = xtask(arguments);
        assert_eq!((code, text.as_str()), (Some(1), ""), "{arguments}");
        assert_eq!(errors, sentence);
    }
}
