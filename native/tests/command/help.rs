//! `docs/cli.md` says what `--help` says, and every command shows an example.

use std::{fmt::Write, path::Path};

use crate::place;

const COMMANDS: [&str; 28] = [
    "",
    "info",
    "quantize",
    "logits",
    "classify",
    "embed",
    "segment",
    "similar",
    "eval",
    "bench",
    "verify",
    "data",
    "data glyphs",
    "data scenes",
    "train",
    "distill",
    "distill relu",
    "prune",
    "prune-data",
    "prune-data run",
    "prune-data score",
    "prune-data subsets",
    "reproduce",
    "reproduce hscore",
    "reproduce optin",
    "reproduce relu",
    "rescale",
    "twins",
];

/// The page as it should be.
fn page() -> String {
    let mut page = String::from(
        "# The command line\n\n\
         This page is what `intformer COMMAND --help` prints. After a change of the options,\n\
         `INTFORMER_WRITE_DOCS=1 cargo test -p intformer-native help` writes it anew.\n",
    );
    let all = place::run(Path::new("."), "--help").stdout;
    let all = String::from_utf8(all).unwrap();
    let listed = all
        .split("Commands:")
        .nth(1)
        .unwrap()
        .split("Options:")
        .next()
        .unwrap();
    let listed = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for line in listed {
        let name = line.split_whitespace().next().unwrap();
        assert!(
            name == "help" || COMMANDS.contains(&name),
            "{name} is not on the page"
        );
    }
    for command in COMMANDS {
        let output = place::run(Path::new("."), &format!("{command} --help"));
        assert_eq!(output.status.code(), Some(0), "{command}");
        let help = String::from_utf8(output.stdout).unwrap();
        let example = format!("Example: intformer {command} ");
        assert!(
            command.is_empty() || help.contains(&example),
            "{command} shows no example"
        );
        let name = format!("intformer {command}");
        let help: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
        write!(
            page,
            "\n## {}\n\n```text\n{}\n```\n",
            name.trim_end(),
            help.join("\n")
        )
        .unwrap();
    }
    page
}

#[test]
fn the_page_of_the_command_line_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let page = page();
    if std::env::var_os("INTFORMER_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(
        found == page,
        "docs/cli.md is out of date; it says how to write it anew"
    );
}
