//! Windows whose places follow from the sizes of a run: an image extended by reflection to a
//! multiple, a result cut to the image, and the middle of a skip.

use super::graph::{Graph, attribute};

/// Height and width of NCHW.
const SIDES: [i64; 2] = [2, 3];

/// Extends `image` to the right and below by its reflection, as often as it takes, until both sides
/// are multiples of `multiple`. Rows and columns are gathered by number, because `Pad` can reflect
/// only once.
pub fn reflect(graph: &mut Graph, image: &str, output: &str, multiple: usize) {
    let multiple_of = format!("multiple.{multiple}");
    graph.int(&multiple_of, multiple as i64);
    [("zero", 0), ("one", 1), ("two", 2)]
        .into_iter()
        .for_each(|(name, value)| graph.int(name, value));
    let rows = format!("{output}.rows");
    for (axis, from, to) in [(SIDES[0], image, rows.as_str()), (SIDES[1], &rows, output)] {
        let name = |part: &str| format!("{output}.axis{axis}.{part}");
        graph.node(
            "Shape",
            &[image],
            &name("shape"),
            vec![
                attribute::int("start", axis),
                attribute::int("end", axis + 1),
            ],
        );
        let mut node =
            |op: &str, inputs: &[&str], part: &str| graph.node(op, inputs, &name(part), Vec::new());
        // The order of n rows is 0 to n - 1 and back to 1, again and again. A single row repeats
        // itself.
        node("Squeeze", &[&name("shape")], "side");
        node("Neg", &[&name("side")], "minus");
        node("Mod", &[&name("minus"), &multiple_of], "missing");
        node("Add", &[&name("side"), &name("missing")], "count");
        node("Range", &["zero", &name("count"), "one"], "places");
        node("Sub", &[&name("side"), "one"], "last");
        node("Mul", &[&name("last"), "two"], "there_and_back");
        node("Max", &[&name("there_and_back"), "one"], "period");
        node("Mod", &[&name("places"), &name("period")], "there");
        node("Sub", &[&name("period"), &name("there")], "back");
        node("Min", &[&name("there"), &name("back")], "index");
        graph.node(
            "Gather",
            &[from, &name("index")],
            to,
            vec![attribute::int("axis", axis)],
        );
    }
}

/// Cuts `value`, from its first row and column on, to the size of `image`.
pub fn cut(graph: &mut Graph, value: &str, image: &str, output: &str) {
    let size = sides(graph, image, &format!("{output}.size"));
    graph.ints("first", &[0, 0]);
    graph.ints("axes.sides", &SIDES);
    graph.node(
        "Slice",
        &[value, "first", &size, "axes.sides"],
        output,
        Vec::new(),
    );
}

/// Cuts the middle out of `value`, in the size of `other`. If the rest is odd, one row or column
/// more is left out at the end.
pub fn centre(graph: &mut Graph, value: &str, other: &str, output: &str) {
    let name = |part: &str| format!("{output}.{part}");
    let [large, small] =
        [(value, "large"), (other, "small")].map(|(value, part)| sides(graph, value, &name(part)));
    graph.ints("twos", &[2, 2]);
    graph.ints("axes.sides", &SIDES);
    graph.node("Sub", &[&large, &small], &name("outside"), Vec::new());
    graph.node(
        "Div",
        &[&name("outside"), "twos"],
        &name("start"),
        Vec::new(),
    );
    graph.node("Add", &[&name("start"), &small], &name("end"), Vec::new());
    graph.node(
        "Slice",
        &[value, &name("start"), &name("end"), "axes.sides"],
        output,
        Vec::new(),
    );
}

/// Height and width of a value.
fn sides(graph: &mut Graph, value: &str, output: &str) -> String {
    graph.node(
        "Shape",
        &[value],
        output,
        vec![
            attribute::int("start", SIDES[0]),
            attribute::int("end", SIDES[1] + 1),
        ],
    );
    output.to_owned()
}
