//! Files that are no weights of PyTorch, named as what they are, so that nobody searches for damage
//! where there is none.

use super::torch::open_zip;
use std::path::Path;

/// What a file is, and what its owner can do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ForeignFile {
    pub what: String,
    pub remedy: &'static str,
}

const PYTORCH: &str = "only PyTorch's .pth and .ckpt files and .safetensors files are read; save \
                       the network from its own program as one of these";
const DOWNLOAD: &str = "the download failed or is not finished; get the file itself again";
const UNPACK: &str = "unpack it and name the .pth or .safetensors file inside";
const EXPORTED: &str = "it is made for use, not for loading; take the .pth or .safetensors file \
                        that it was exported from";

/// First bytes, what begins with them, and the remedy.
const BEGINNINGS: &[(&[u8], &str, &str)] = &[
    (b"\x89HDF\r\n\x1a\n", "HDF5, as Keras writes", PYTORCH),
    (
        b"version https://git-lfs",
        "a Git LFS pointer, which stands for the file",
        "run git lfs pull, or download the file from its page",
    ),
    (b"\x1f\x8b", "a gzip archive", UNPACK),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"\xfd7zXZ\0", "an xz archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!", "a RAR archive", UNPACK),
    (b"%PDF", "a PDF document", DOWNLOAD),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (b"\x93NUMPY", "an array of NumPy", PYTORCH),
    (b"GGUF", "a GGUF model", PYTORCH),
    (
        b"\x89PNG",
        "a PNG picture",
        "name the weights here and pictures as inputs",
    ),
    (
        b"\xff\xd8\xff",
        "a JPEG picture",
        "name the weights here and pictures as inputs",
    ),
    (
        b"model_checkpoint_path:",
        "a list of TensorFlow checkpoints",
        PYTORCH,
    ),
    // Type, number and the version's text, in binary and in ASCII.
    (b"\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1", T7, PYTORCH),
    (b"\x03\0\0\0\x01\0\0\0", T7, PYTORCH),
    (b"4\n1\n3\nV 1\n", T7, PYTORCH),
    (b"3\n1\n", T7, PYTORCH),
];

const T7: &str = "a .t7 file of Lua Torch";

/// The last bytes of a table in which TensorFlow lists the tensors of a checkpoint.
const TENSORFLOW_INDEX: &[u8] = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb";

/// What the file is, if it is none of those that are read. A damaged file of a known format is not
/// foreign.
pub(super) fn recognise(path: &Path, bytes: &[u8]) -> Option<ForeignFile> {
    let foreign = |what: &str, remedy| {
        Some(ForeignFile {
            what: what.to_owned(),
            remedy,
        })
    };
    if bytes.is_empty() {
        return foreign("it is empty", DOWNLOAD);
    }
    if bytes.starts_with(super::torch::ZIP) {
        return of_zip(bytes);
    }
    if bytes.starts_with(super::torch::STREAM) || is_safetensors(bytes) {
        return None;
    }
    if let Some(&(_, what, remedy)) = BEGINNINGS
        .iter()
        .find(|(beginning, ..)| bytes.starts_with(beginning))
    {
        return foreign(what, remedy);
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return foreign("a tar archive", UNPACK);
    }
    if bytes.get(4..8) == Some(b"TFL3") {
        return foreign("a TensorFlow Lite model", EXPORTED);
    }
    if bytes.ends_with(TENSORFLOW_INDEX) {
        return foreign("the index of a TensorFlow checkpoint", PYTORCH);
    }
    if let Some(what) = of_protobuf(bytes) {
        return foreign(what, if what == ONNX { EXPORTED } else { PYTORCH });
    }
    if is_pickle(bytes) {
        return foreign(
            "a pickle of Python without tensors of PyTorch",
            "save net.state_dict() with torch.save",
        );
    }
    of_text(bytes)
        .or_else(|| of_name(path))
        .or_else(|| of_unknown_bytes(path))
}

/// What is known of no format, unless its name says what it was before it was damaged.
fn of_unknown_bytes(path: &Path) -> Option<ForeignFile> {
    let is_named = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"));
    (!is_named).then(|| ForeignFile {
        what: "bytes of an unknown format".to_owned(),
        remedy: PYTORCH,
    })
}

/// A safetensors file begins with the length of its header, which is JSON. Shorter ones are left to
/// the reader.
fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
}

const ONNX: &str = "an ONNX model";

/// Protocol buffers have no mark. The first fields of these are known: a number behind 0x08, a text
/// or message behind any other.
fn of_protobuf(bytes: &[u8]) -> Option<&'static str> {
    match *bytes {
        // The first is a version of the format: 1 in a SavedModel, 3 or more in today's ONNX.
        [0x08, 1, 0x12, ..] => Some("a TensorFlow SavedModel"),
        [
            0x08,
            2..=30,
            0x12 | 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42 | 0x72,
            ..,
        ] => Some(ONNX),
        // A node, and in it its name.
        [0x0a, length, 0x0a, name, ..] if name < length => Some("a graph of TensorFlow (.pb)"),
        _ => None,
    }
}

/// Protocols 2 to 5 begin with their number.
fn is_pickle(bytes: &[u8]) -> bool {
    matches!(*bytes, [0x80, 2..=5, ..]) && bytes.ends_with(b".")
}

/// A zip archive that is none of `torch.save`. One that cannot be opened is damaged.
fn of_zip(bytes: &[u8]) -> Option<ForeignFile> {
    let archive = open_zip(bytes).ok()?;
    let mut names: Vec<String> = archive
        .file_names()
        .filter_map(|name| Some(name.ok()?.into_owned()))
        .collect();
    names.sort_unstable();
    let has = |ending: &str| names.iter().any(|name| name.ends_with(ending));
    let foreign = |what: &str, remedy| {
        Some(ForeignFile {
            what: what.to_owned(),
            remedy,
        })
    };
    if names.iter().any(|name| name.ends_with("constants.pkl")) {
        return foreign(
            "a TorchScript model",
            "save net.state_dict() with torch.save",
        );
    }
    if has("/data.pkl") {
        return None;
    }
    if has("model.weights.h5") {
        return foreign("a .keras file, as Keras writes", PYTORCH);
    }
    if !names.is_empty() && names.iter().all(|name| name.ends_with(".npy")) {
        return foreign("arrays of NumPy (.npz)", PYTORCH);
    }
    let inner = [".pth", ".pt", ".ckpt", ".safetensors"]
        .iter()
        .find_map(|ending| names.iter().find(|name| name.ends_with(ending)));
    match inner.filter(|name| name.len() < 256) {
        Some(name) => Some(ForeignFile {
            what: format!("a zip archive around {name}"),
            remedy: UNPACK,
        }),
        None => foreign("a zip archive without weights of PyTorch", PYTORCH),
    }
}

/// Text, by what it begins with.
fn of_text(bytes: &[u8]) -> Option<ForeignFile> {
    let text = std::str::from_utf8(bytes).ok()?;
    if text.contains('\0') {
        return None;
    }
    let start: String = text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .chars()
        .take(16)
        .collect::<String>()
        .to_ascii_lowercase();
    let (what, remedy) = match start.as_bytes() {
        [b'<', b'?', b'x', b'm', b'l', ..] => ("XML text", DOWNLOAD),
        [b'<', ..] => ("a web page (HTML)", DOWNLOAD),
        [b'{' | b'[', ..] => ("JSON text", PYTORCH),
        _ => ("text", PYTORCH),
    };
    Some(ForeignFile {
        what: what.to_owned(),
        remedy,
    })
}

/// What only the name tells.
fn of_name(path: &Path) -> Option<ForeignFile> {
    let name = path.file_name()?.to_str()?;
    let what = if name.contains(".data-0") {
        "the values of a TensorFlow checkpoint"
    } else if name.ends_with(".t7") {
        T7
    } else if name.ends_with(".onnx") {
        ONNX
    } else if name.ends_with(".pb") {
        "a graph of TensorFlow (.pb)"
    } else if name.ends_with(".h5") || name.ends_with(".keras") {
        "a file of Keras, damaged"
    } else {
        return None;
    };
    Some(ForeignFile {
        what: what.to_owned(),
        remedy: PYTORCH,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    /// A zip archive of empty files.
    fn zip(names: &[&str]) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            archive
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            archive.write_all(b"").unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    /// What a file is, and the remedy.
    fn named(name: &str, bytes: &[u8]) -> Option<String> {
        let found = recognise(Path::new(name), bytes)?;
        Some(format!("({}); {}", found.what, found.remedy))
    }

    #[test]
    fn a_file_of_something_else_is_named_as_what_it_is() {
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let mut index = vec![1; 64];
        index.extend(TENSORFLOW_INDEX);
        let cases: &[(&str, &[u8], &str)] = &[
            ("a.pth", b"", "it is empty"),
            ("a.pth", b"<!DOCTYPE html><html>", "a web page (HTML)"),
            ("a.pth", b"\xef\xbb\xbf\n <html>", "a web page (HTML)"),
            (
                "a.safetensors",
                b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
                "git lfs pull",
            ),
            (
                "a.h5",
                b"\x89HDF\r\n\x1a\n\0\0\0",
                "(HDF5, as Keras writes)",
            ),
            ("a.onnx", b"\x08\x08\x12\x07pytorch", "an ONNX model"),
            ("a.pb", b"\x08\x01\x12\x90\x01", "SavedModel"),
            ("a.pb", b"\x0a\x10\x0a\x05input\x12", "graph of TensorFlow"),
            ("a.index", &index, "index of a TensorFlow checkpoint"),
            ("checkpoint", b"model_checkpoint_path: \"m\"", "TensorFlow"),
            ("m.ckpt.data-00000-of-00001", b"\xc1\xc2\xc3", "TensorFlow"),
            (
                "a.t7",
                b"\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1\x0d\0\0\0nn.Seq",
                "Lua Torch",
            ),
            ("a.pth", b"4\n1\n3\nV 1\n13\nnn.Sequential\n", "Lua Torch"),
            ("a.pth", b"\x1f\x8b\x08\0", "gzip"),
            ("a.pth", &tar, "a tar archive"),
            ("a.pth", b"{\"a\": 1}", "JSON text"),
            ("a.pth", b"plain words", "(text)"),
            ("a.pdf", b"%PDF-1.7\n\xe2\xe3", "a PDF document"),
            ("a.pth", b"\xc1\xc2\xc3\0", "bytes of an unknown format"),
            ("a.pth", b"\x80\x04K\x01.", "pickle"),
            (
                "a.keras",
                &zip(&["config.json", "model.weights.h5"]),
                "Keras",
            ),
            ("a.zip", &zip(&["x/net_G.pth"]), "around x/net_G.pth"),
            ("a.npz", &zip(&["w.npy"]), "NumPy"),
            (
                "a.pt",
                &zip(&["a/data.pkl", "a/constants.pkl"]),
                "TorchScript",
            ),
        ];
        for (name, bytes, expected) in cases {
            let found = named(name, bytes).unwrap();
            assert!(found.contains(expected), "{name}: {found}");
        }
    }

    #[test]
    fn a_damaged_file_of_a_known_format_stays_one() {
        for (name, bytes) in [
            ("a.pth", &b"PK\x03\x04rest"[..]),
            ("a.pth", super::super::torch::STREAM),
            ("a.pth", b"\xff\0\0\0\0\0\0\0{\"a"),
            ("a.safetensors", b"\x07\x81\x82"),
        ] {
            assert_eq!(named(name, bytes), None, "{}", bytes.escape_ascii());
        }
    }
}
