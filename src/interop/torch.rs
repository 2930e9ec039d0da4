//! PyTorch's `.pth` files: state dicts in the zip archive that `torch.save` writes since version
//! 1.6, and in the stream of pickles that it wrote before. Nothing in them is executed.

use super::entry::{TensorEntry, WriteError};
use super::pickle::{Id, Pickle, Value};
use super::tensor::{StoredTensor, contiguous_strides};
use safetensors::tensor::Dtype;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Cursor, Seek, Write};
use std::ops::Range;
use zip::read::{ArchiveOffset, Config};
use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// The first bytes of a zip archive.
pub(super) const ZIP: &[u8] = b"PK\x03\x04";
/// The first bytes of the older stream: a pickle of protocol 2 with the number
/// 0x1950a86a20f9469cfc6c.
pub(super) const STREAM: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// The tensors of a state dict by their keys.
type StateDict = BTreeMap<String, StoredTensor>;

/// Where storages lie in the file, by their keys.
type Storages = HashMap<String, Range<usize>>;

/// The archive that begins with the first byte. Where it begins is not looked for: `torch.save`
/// puts 76 bytes between the list of entries and its end, and a first entry of 76 bytes, which is
/// that of a name of 21 letters, would be taken for them.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn open_zip(bytes: &[u8]) -> ZipResult<ZipArchive<Cursor<&[u8]>>> {
    let archive_offset = ArchiveOffset::Known(0);
    ZipArchive::with_config(Config { archive_offset }, Cursor::new(bytes))
}

/// The tensors of a file that begins with [`ZIP`].
///
/// # Errors
/// What is wrong with the file.
pub(super) fn read_zip(bytes: &[u8]) -> Result<StateDict, String> {
    let mut archive = open_zip(bytes).map_err(|error| error.to_string())?;
    let mut entries = HashMap::new();
    for index in 0..archive.len() {
        let entry = archive
            .by_index_raw(index)
            .map_err(|error| error.to_string())?;
        let name = entry
            .name()
            .map_err(|error| error.to_string())?
            .into_owned();
        if entry.compression() != CompressionMethod::Stored {
            return Err(format!("{name} is compressed, torch.save stores as it is"));
        }
        let range = entry
            .data_start()
            .and_then(|start| range(start, entry.size(), bytes.len()));
        let range = range.ok_or_else(|| format!("{name} ends too early"))?;
        entries.insert(name, range);
    }
    let mut folders = entries.keys().filter_map(|name| {
        name.strip_suffix("data.pkl")
            .filter(|folder| folder.ends_with('/'))
    });
    let (Some(folder), None) = (folders.next(), folders.next()) else {
        return Err("it has not exactly one data.pkl in a folder".into());
    };
    let folder = folder.to_owned();
    let part = |name: &str| {
        entries
            .get(&format!("{folder}{name}"))
            .map(|range| &bytes[range.clone()])
    };
    if part("byteorder").is_some_and(|order| order != b"little") {
        return Err("it was written on a big-endian machine".into());
    }
    let pickle = Pickle::parse(part("data.pkl").unwrap_or_default())?;
    let prefix = format!("{folder}data/");
    let storages = entries
        .iter()
        .filter_map(|(name, range)| Some((name.strip_prefix(&prefix)?.to_owned(), range.clone())))
        .collect();
    state_dict(&pickle, &storages)
}

/// The tensors of a file that begins with [`STREAM`]: magic number, version, machine, the object,
/// the keys of its storages, and then each storage behind its number of elements.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn read_stream(bytes: &[u8]) -> Result<StateDict, String> {
    let mut at = 0;
    let mut next = || {
        let pickle = Pickle::parse(&bytes[at..])?;
        at += pickle.length;
        Ok::<_, String>(pickle)
    };
    let [_magic, version, _machine, object, keys] = [next()?, next()?, next()?, next()?, next()?];
    if version.int(version.root()) != Some(1001) {
        return Err("its version is not 1001".into());
    }
    let dtypes: HashMap<&str, Dtype> = object_storages(&object)
        .map(|storage| (storage.key, storage.dtype))
        .collect();
    let mut storages = Storages::new();
    for &key in keys.sequence(keys.root()).ok_or("it lists no storages")? {
        let key = keys.text(key).ok_or("a storage without a key")?;
        let dtype = *dtypes
            .get(key)
            .ok_or_else(|| format!("no tensor uses storage {key}"))?;
        let count = bytes
            .get(at..at + 8)
            .and_then(|count| count.try_into().ok())
            .map(u64::from_le_bytes)
            .ok_or("it ends too early")?;
        let size = count.checked_mul(dtype.bitsize() as u64 / 8);
        let found = size
            .and_then(|size| range(at as u64 + 8, size, bytes.len()))
            .ok_or("it ends too early")?;
        at = found.end;
        storages.insert(key.to_owned(), found);
    }
    state_dict(&object, &storages)
}

/// `start..start + size`, if that lies within `length`.
fn range(start: u64, size: u64, length: usize) -> Option<Range<usize>> {
    let end = start
        .checked_add(size)
        .filter(|&end| end <= length as u64)?;
    Some(start as usize..end as usize)
}

/// PyTorch's name for a storage of each type, without the word Storage.
const CLASSES: [(Dtype, &str); 10] = [
    (Dtype::F32, "Float"),
    (Dtype::F64, "Double"),
    (Dtype::F16, "Half"),
    (Dtype::BF16, "BFloat16"),
    (Dtype::I64, "Long"),
    (Dtype::I32, "Int"),
    (Dtype::I16, "Short"),
    (Dtype::I8, "Char"),
    (Dtype::U8, "Byte"),
    (Dtype::BOOL, "Bool"),
];

/// PyTorch's name for a type, if it has a storage for it.
fn class_of(dtype: Dtype) -> Option<&'static str> {
    CLASSES
        .iter()
        .find(|&&(known, _)| known == dtype)
        .map(|&(_, name)| name)
}

/// A reference to a storage.
struct StorageRef<'a> {
    dtype: Dtype,
    key: &'a str,
}

/// What `('storage', class, key, location, elements)` refers to.
fn storage(pickle: &Pickle, id: Id) -> Option<StorageRef<'_>> {
    let Value::Persistent(reference) = pickle.get(id) else {
        return None;
    };
    let [kind, class, key, ..] = pickle.sequence(*reference)? else {
        return None;
    };
    let class = pickle
        .global(*class)?
        .rsplit('.')
        .next()?
        .strip_suffix("Storage")?;
    let &(dtype, _) = CLASSES.iter().find(|&&(_, name)| name == class)?;
    (pickle.text(*kind) == Some("storage")).then_some(StorageRef {
        dtype,
        key: pickle.text(*key)?,
    })
}

/// All storages that a pickle refers to.
fn object_storages(pickle: &Pickle) -> impl Iterator<Item = StorageRef<'_>> {
    (0..pickle.len()).filter_map(|id| storage(pickle, id))
}

/// The most dictionaries in one another.
const MOST_LEVELS: usize = 8;
/// Bytes of the longest key of a tensor.
const LONGEST_KEY: usize = 512;
/// Bytes of keys for each byte of the file. Keys that are shared could need more than any memory.
const KEY_BYTES: usize = 4;

/// The tensors of a pickled state dict and of the dictionaries in it. The key of an inner tensor
/// stands behind the outer key and a dot. Only keys that are text are looked at: an optimiser's are
/// numbers.
fn state_dict(pickle: &Pickle, storages: &Storages) -> Result<StateDict, String> {
    let mut tensors = StateDict::new();
    let mut open = vec![(pickle.root(), String::new(), 0)];
    let mut bytes_left = KEY_BYTES * pickle.length;
    while let Some((id, prefix, level)) = open.pop() {
        let entries = pickle.dict(id).unwrap_or_default();
        // One dictionary may stand at many places.
        bytes_left = bytes_left
            .checked_sub(entries.len())
            .ok_or("its dictionaries hold each other without end")?;
        for &(key, value) in entries {
            let arguments = rebuilt(pickle, value);
            let inner = pickle.dict(value).is_some() && level < MOST_LEVELS;
            let Some(key) = pickle.text(key).filter(|_| arguments.is_some() || inner) else {
                continue;
            };
            let length = prefix.len() + key.len() + 1;
            bytes_left = bytes_left
                .checked_sub(length)
                .filter(|_| length <= LONGEST_KEY)
                .ok_or("its keys are too long")?;
            let key = format!("{prefix}{key}");
            match arguments {
                Some(arguments) => {
                    let found = tensor(pickle, arguments, storages)
                        .map_err(|problem| format!("tensor {key}: {problem}"))?;
                    tensors.insert(key, found);
                }
                None => open.push((value, format!("{key}."), level + 1)),
            }
        }
    }
    match tensors.is_empty() {
        true => Err(no_tensors(pickle)),
        false => Ok(tensors),
    }
}

/// Why a pickle without a tensor is no state dict.
fn no_tensors(pickle: &Pickle) -> String {
    const REMEDY: &str = "save net.state_dict() rather than the network itself";
    let keys: Vec<&str> = pickle
        .dict(pickle.root())
        .unwrap_or_default()
        .iter()
        .filter_map(|&(key, _)| pickle.text(key))
        .filter(|key| key.len() < LONGEST_KEY)
        .take(8)
        .collect();
    match keys.is_empty() {
        true => format!("it holds no state dict; {REMEDY}"),
        false => format!("it holds no state dict, only {}; {REMEDY}", keys.join(", ")),
    }
}

/// If a value is a tensor, or a parameter around one: the arguments of the function that would make
/// it.
fn rebuilt(pickle: &Pickle, id: Id) -> Option<&[Id]> {
    let call = |id: Id| match *pickle.get(id) {
        Value::Call(function, arguments) => {
            Some((pickle.global(function)?, pickle.sequence(arguments)?))
        }
        _ => None,
    };
    let (function, arguments) = match call(id)? {
        ("torch._utils._rebuild_parameter", arguments) => call(*arguments.first()?)?,
        tensor => tensor,
    };
    [
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_tensor",
    ]
    .contains(&function)
    .then_some(arguments)
}

/// A tensor from `(storage, offset, size, stride, ..)`.
fn tensor(pickle: &Pickle, arguments: &[Id], storages: &Storages) -> Result<StoredTensor, String> {
    let [from, offset, size, stride, ..] = arguments else {
        return Err("it has too few arguments".into());
    };
    let StorageRef { dtype, key } =
        storage(pickle, *from).ok_or("its storage is of an unknown kind")?;
    let bytes = storages
        .get(key)
        .cloned()
        .ok_or_else(|| format!("storage {key} is missing"))?;
    let count = |id: Id| pickle.int(id).and_then(|value| usize::try_from(value).ok());
    let counts = |id: Id| {
        pickle
            .sequence(id)
            .and_then(|list| list.iter().map(|&id| count(id)).collect::<Option<Vec<_>>>())
    };
    let (Some(offset), Some(shape), Some(strides)) =
        (count(*offset), counts(*size), counts(*stride))
    else {
        return Err("its size, stride or offset is no number".into());
    };
    StoredTensor::new(dtype, shape, strides, offset, bytes)
}

/// Writes a state dict as `torch.save` does; PyTorch 2.11 takes it with
/// `torch.load(weights_only=True)`.
///
/// # Errors
/// Those of `out` and of reading the tensors, and a type that PyTorch has no storage for.
pub(super) async fn write(
    tensors: &[TensorEntry<'_>],
    out: &mut (impl Write + Seek),
) -> Result<(), WriteError> {
    let mut archive = ZipWriter::new(out);
    let written = write_parts(&mut archive, tensors).await;
    if written.is_ok() {
        archive.finish().map_err(io::Error::from)?;
    } else {
        // Its drop would write the end of the file, and print an error.
        std::mem::forget(archive);
    }
    written
}

/// The parts of the archive that [`write`] makes.
async fn write_parts(
    archive: &mut ZipWriter<impl Write + Seek>,
    tensors: &[TensorEntry<'_>],
) -> Result<(), WriteError> {
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut part = |name: &str, bytes: &[u8]| -> io::Result<()> {
        // Sizes beyond 32 bits need another header, and the archive must know before it writes.
        let options = stored.large_file(bytes.len() > u32::MAX as usize);
        archive.start_file(format!("archive/{name}"), options)?;
        archive.write_all(bytes)
    };
    part("data.pkl", &pickled(tensors)?)?;
    part("byteorder", b"little")?;
    for (index, entry) in tensors.iter().enumerate() {
        let bytes = entry.bytes().await.map_err(WriteError::Tensor)?;
        part(&format!("data/{index}"), &bytes)?;
    }
    part("version", b"3\n")?;
    Ok(())
}

/// The pickle of an ordered dictionary of tensors, tensor number i in storage number i.
fn pickled(tensors: &[TensorEntry]) -> io::Result<Vec<u8>> {
    const EMPTY_ORDERED_DICT: &[u8] = b"ccollections\nOrderedDict\n)R";
    let text = |text: &str| {
        [
            b"X",
            &(text.len() as u32).to_le_bytes()[..],
            text.as_bytes(),
        ]
        .concat()
    };
    // A long of eight bytes, since sizes may need more than 32 bits.
    let int = |value: usize| [b"\x8a\x08", &(value as i64).to_le_bytes()[..]].concat();
    let tuple = |items: &[Vec<u8>]| [b"(", &items.concat()[..], b"t"].concat();
    let mut pickle = [b"\x80\x02", EMPTY_ORDERED_DICT, b"("].concat();
    for (index, entry) in tensors.iter().enumerate() {
        let unknown = || {
            io::Error::other(format!(
                "PyTorch stores no {:?}, as {} is; write safetensors instead",
                entry.dtype, entry.key
            ))
        };
        let class = format!(
            "ctorch\n{}Storage\n",
            class_of(entry.dtype).ok_or_else(unknown)?
        )
        .into_bytes();
        let count = entry.shape.iter().product();
        let storage = tuple(&[
            text("storage"),
            class,
            text(&index.to_string()),
            text("cpu"),
            int(count),
        ]);
        let shape: Vec<_> = entry.shape.iter().map(|&size| int(size)).collect();
        let strides: Vec<_> = contiguous_strides(&entry.shape)
            .into_iter()
            .map(int)
            .collect();
        let arguments = tuple(&[
            [&storage[..], b"Q"].concat(),
            int(0),
            tuple(&shape),
            tuple(&strides),
            b"\x89".to_vec(),
            EMPTY_ORDERED_DICT.to_vec(),
        ]);
        pickle.extend(
            [
                &text(&entry.key)[..],
                b"ctorch._utils\n_rebuild_tensor_v2\n",
                &arguments,
                b"R",
            ]
            .concat(),
        );
    }
    pickle.extend(b"u.");
    Ok(pickle)
}
