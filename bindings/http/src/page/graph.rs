//! A picture of the last versions: what leads from one to another, and how many bytes that is.

use std::fmt::Write;

use patchcore::Version;
use patchcore::repository::{Line, Package};

use super::{Size, Text};

/// How many versions the picture shows, and how many ways that skip some of them.
const SHOWN: usize = 8;
const SKIPPING: usize = 6;

/// Distances in the picture.
const STEP: usize = 140;
const MARGIN: usize = 78;
/// How much higher a way goes for each version that it skips.
const RISE: usize = 20;

/// Appends the picture, if there is anything to see.
pub(super) fn figure(html: &mut String, line: &Line<'_>) {
    let versions = line.versions();
    let shown = &versions[versions.len().saturating_sub(SHOWN)..];
    if shown.is_empty() {
        return;
    }
    let place = |version: Version| shown.binary_search(&version).ok();
    let mut edges: Vec<(usize, usize, &Package)> = line
        .packages()
        .iter()
        .filter(|package| !package.is_full())
        .filter_map(|package| Some((place(package.from)?, place(package.to)?, *package)))
        .filter(|(from, to, _)| from < to)
        .collect();
    edges.sort_by_key(|(from, to, _)| (to - from, *from));
    let skipping = edges.iter().filter(|(from, to, _)| to - from > 1).count();
    edges.truncate(edges.len() - skipping.saturating_sub(SKIPPING));
    let longest = edges.iter().map(|(from, to, _)| to - from).max().unwrap_or(1);
    let top = 44 + RISE * longest.saturating_sub(1);
    let (width, height) = (2 * MARGIN + STEP * (shown.len() - 1), top + 96);
    let x = |index: usize| MARGIN + STEP * index;
    html.push_str("<section aria-labelledby=\"graph\">\n<h2 id=\"graph\">How versions lead to one another</h2>\n");
    html.push_str("<div class=\"wide\" role=\"region\" aria-labelledby=\"graph\" tabindex=\"0\">\n");
    let _ = writeln!(
        html,
        "<svg class=\"graph\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-labelledby=\"graph-title\"><title id=\"graph-title\">{}</title>",
        Text(&described(shown, &edges))
    );
    for (from, to, package) in &edges {
        let (start, end, middle) = (x(*from), x(*to), usize::midpoint(x(*from), x(*to)));
        let size = Size(package.size);
        if to - from == 1 {
            let (start, end, label) = (start + 34, end - 34, top - 8);
            let _ = writeln!(html, "<path class=\"edge\" d=\"M{start} {top}H{end}\"/>{}", arrow(end, top));
            let _ = writeln!(html, "<text class=\"bytes\" x=\"{middle}\" y=\"{label}\">{size}</text>");
        } else {
            let (start, end) = (start + 12, end - 12);
            let (rise, from_y) = (RISE * (to - from - 1), top - 15);
            // The curve goes half way to the point that pulls it up.
            let (peak, label) = (from_y.saturating_sub(2 * rise), from_y - rise - 4);
            let _ = writeln!(
                html,
                "<path class=\"edge skip\" d=\"M{start} {from_y}Q{middle} {peak} {end} {from_y}\"/>{}",
                arrow(end, from_y)
            );
            let _ = writeln!(html, "<text class=\"bytes\" x=\"{middle}\" y=\"{label}\">{size}</text>");
        }
    }
    for (index, version) in shown.iter().enumerate() {
        let (x, box_x, box_y, text_y) = (x(index), x(index) - 34, top - 15, top + 5);
        let class = if index + 1 == shown.len() { "node latest" } else { "node" };
        let _ =
            writeln!(html, "<rect class=\"{class}\" x=\"{box_x}\" y=\"{box_y}\" width=\"68\" height=\"30\" rx=\"6\"/>");
        let _ = writeln!(html, "<text class=\"{class}\" x=\"{x}\" y=\"{text_y}\">{version}</text>");
        if let Some(full) = line.full(*version) {
            let (below, label) = (top + 60, top + 78);
            let _ = writeln!(html, "<path class=\"edge full\" d=\"M{x} {below}V{}\"/>", top + 17);
            let _ = writeln!(html, "<text class=\"bytes\" x=\"{x}\" y=\"{label}\">full {}</text>", Size(full.size));
        }
    }
    html.push_str("</svg>\n</div>\n");
    let left_out = versions.len() - shown.len();
    if left_out > 0 {
        let _ = writeln!(html, "<p class=\"hint\">{left_out} older versions are not in the picture.</p>");
    }
    html.push_str("</section>\n");
}

/// The head of an arrow that ends at a point and comes from the left.
fn arrow(x: usize, y: usize) -> String {
    format!("<path class=\"head\" d=\"M{x} {y}l-7 -4v8z\"/>")
}

/// The picture in words.
fn described(shown: &[Version], edges: &[(usize, usize, &Package)]) -> String {
    let ways =
        edges.iter().map(|(from, to, package)| format!("{} to {}: {}", shown[*from], shown[*to], Size(package.size)));
    let ways: Vec<String> = ways.collect();
    if ways.is_empty() { "No deltas lead from one version to another".to_owned() } else { ways.join("; ") }
}
