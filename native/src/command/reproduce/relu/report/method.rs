//! What was run and how, and what that leaves open.

use std::collections::BTreeSet;

use super::{
    super::results::{ArmRun, Results},
    verdict::claimed,
};
use crate::study::{
    html::{Column, Text, facts, table},
    numbers::{count, fixed},
};

/// For someone who has ImageNet and a card.
const COMMANDS: &str = "\
intformer distill relu swin_tiny_patch4_window7_224.pth --data imagenet --out swin-t-relu-float.safetensors
intformer quantize swin-t-relu-float.safetensors --calib imagenet/train --out swin-t-relu.safetensors
intformer eval swin-t-relu.safetensors --data imagenet/val
for size in t s b; do
  intformer bench swin-$size --compare-activations --batch 1,8,32 --executor wgpu --by-op
done
";

/// What the study cannot show.
pub fn limits(results: &Results) -> String {
    let devices = results.latency.iter().map(|latency| &*latency.device);
    let devices: BTreeSet<_> = devices.collect();
    let devices: Vec<_> = devices.into_iter().collect();
    let devices = match devices.is_empty() {
        true => "no times were taken at all".to_owned(),
        false => format!("the times above are of {}", devices.join("; ")),
    };
    format!(
        "<ul>\n\
         <li>Accuracy on ImageNet: the images here are {}. A task of few classes is easier, and a small loss on it easier to reach and \
         harder to see.</li>\n\
         <li>What the teacher has seen: if it was trained on the same folder, its best epoch may have been chosen by these \
         test images, and students may be validated with images that it learned from.</li>\n\
         <li>Latency on an RTX 4090, or on any other card that is not named here: {}. A software \
         adapter such as llvmpipe runs on the processor and stands for no card. What an activation \
         costs beside the matrix products differs from device to device.</li>\n\
         <li>Whether these figures match the paper's: its own tables were not available to \
         compare, only what its abstract claims.</li>\n\
         <li>Whether it holds for other teachers: all students come from one.</li>\n</ul>\n\
         <p>Who has ImageNet and a card can measure both:</p>\n\
         <pre tabindex=\"0\"><code>{COMMANDS}</code></pre>\n",
        Text(&results.settings.images),
        Text(&devices)
    )
}

/// Images that a student of the claimed arm is trained on: swaps and finish.
fn budget(results: &Results) -> Option<usize> {
    let settings = &results.settings;
    let course = &claimed(results)?.runs.first()?.course;
    let other = |label: &str| label != "teacher" && label != "finish";
    let swaps = course.iter().filter(|point| other(&point.label)).count();
    let epochs = swaps
        .saturating_mul(settings.step_epochs)
        .saturating_add(settings.finish_epochs);
    Some(epochs.saturating_mul(settings.epoch_images))
}

/// All settings, the machine, the digests and the command.
pub fn settings(results: &Results) -> String {
    let (settings, machine) = (&results.settings, &results.machine);
    let yes = |yes| if yes { "yes" } else { "no" }.to_owned();
    let mut html = String::from(
        "<p>A student begins as the teacher. Each step gives some blocks ReLU, then trains the \
         whole student for some epochs with the labels and towards the teacher; at last it trains \
         with all blocks changed. Then it is quantized to integers with the calibration images and \
         scored on the test images, which have no part in training and validation. Times are measured in turns, so that a slow minute of the machine meets all \
         activations.</p>\n",
    );
    let processor = match machine.processor.as_str() {
        "" => "unknown",
        name => name,
    };
    let images = budget(results).map_or("–".into(), count);
    let rows = [
        ("Short run", yes(settings.quick)),
        ("Teacher", settings.teacher.clone()),
        ("Seeds of each arm", settings.seeds.to_string()),
        ("Images of an epoch", count(settings.epoch_images)),
        ("Epochs after each swap", count(settings.step_epochs)),
        (
            "Epochs with all blocks changed",
            count(settings.finish_epochs),
        ),
        ("Training images of a student", images),
        ("Validation images", count(settings.validation_images)),
        ("Test images", count(settings.test_images)),
        ("Calibration images", count(settings.calibration_images)),
        ("Images", settings.images.clone()),
    ];
    html += &facts("Settings", rows);
    let rows = [
        ("Platform", machine.platform.clone()),
        ("Processor", processor.to_owned()),
        ("Threads", count(machine.threads)),
        ("Built with optimization", yes(machine.release)),
        ("Minutes of the study", fixed(machine.minutes, 1)),
    ];
    html += &facts("Machine", rows);
    let rows = results.arms.iter().flat_map(|arm| {
        let row =
            move |run: &ArmRun| vec![arm.name.clone(), run.seed.to_string(), run.digest.clone()];
        arm.runs.iter().map(row)
    });
    html += &table(
        "SHA-256 of the integer-only students' logits on the test images",
        &[
            ("Arm", Column::Words),
            ("Seed", Column::Figures),
            ("Digest", Column::Code),
        ],
        rows,
    );
    let quick = if settings.quick { " --quick" } else { "" };
    let mut command = format!("intformer reproduce relu{quick}");
    if let Some(folder) = &settings.data {
        command += &format!(
            " --data {} --teacher {}",
            folder.display(),
            settings.teacher
        );
    }
    let command = Text(&command);
    html + &format!("<p>To run it again:</p>\n<pre tabindex=\"0\"><code>{command}</code></pre>\n")
}
