//! PyTorch's `.pth` files: state dicts in the zip archive that `torch.save` writes since version 1.6, and in the stream of pickles that
//! it wrote before. Nothing in them is executed.

use super::pickle::{Id, Pickle, Value};
use super::tensor::StoredTensor;
use safetensors::tensor::Dtype;
use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::ops::Range;
use zip::{CompressionMethod, ZipArchive};

/// The first bytes of a zip archive.
pub(super) const ZIP: &[u8] = b"PK\x03\x04";
/// The first bytes of the older stream: a pickle of protocol 2 with the number 0x1950a86a20f9469cfc6c.
pub(super) const STREAM: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// The tensors of a state dict by their keys.
type StateDict = BTreeMap<String, StoredTensor>;

/// Where storages lie in the file, by their keys.
type Storages = HashMap<String, Range<usize>>;

/// The tensors of a file that begins with [`ZIP`].
///
/// # Errors
/// What is wrong with the file.
pub(super) fn read_zip(bytes: &[u8]) -> Result<StateDict, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let mut entries = HashMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| error.to_string())?;
        let name = entry.name().map_err(|error| error.to_string())?.into_owned();
        if entry.compression() != CompressionMethod::Stored {
            return Err(format!("{name} is compressed, torch.save stores as it is"));
        }
        let range = entry.data_start().and_then(|start| range(start, entry.size(), bytes.len()));
        let range = range.ok_or_else(|| format!("{name} ends too early"))?;
        entries.insert(name, range);
    }
    let folder = entries.keys().find_map(|name| name.strip_suffix("data.pkl")).ok_or("the archive has no data.pkl")?.to_owned();
    let part = |name: &str| entries.get(&format!("{folder}{name}")).map(|range| &bytes[range.clone()]);
    if part("byteorder").is_some_and(|order| order != b"little") {
        return Err("it was written on a big-endian machine".into());
    }
    let pickle = Pickle::parse(part("data.pkl").unwrap_or_default())?;
    let prefix = format!("{folder}data/");
    let storages = entries.iter().filter_map(|(name, range)| Some((name.strip_prefix(&prefix)?.to_owned(), range.clone()))).collect();
    state_dict(&pickle, &storages)
}

/// The tensors of a file that begins with [`STREAM`]: magic number, version, machine, the object, the keys of its storages, and then
/// each storage behind its number of elements.
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
    let mut storages = Storages::new();
    for &key in keys.sequence(keys.root()).ok_or("it lists no storages")? {
        let key = keys.text(key).ok_or("a storage without a key")?;
        let dtype = object_storages(&object).find(|storage| storage.key == key).map(|storage| storage.dtype);
        let dtype = dtype.ok_or_else(|| format!("nobody uses storage {key}"))?;
        let count = bytes.get(at..at + 8).and_then(|count| count.try_into().ok()).map(u64::from_le_bytes).ok_or("it ends too early")?;
        let size = count.checked_mul(dtype.bitsize() as u64 / 8);
        let found = size.and_then(|size| range(at as u64 + 8, size, bytes.len())).ok_or("it ends too early")?;
        at = found.end;
        storages.insert(key.to_owned(), found);
    }
    state_dict(&object, &storages)
}

/// `start..start + size`, if that lies within `length`.
fn range(start: u64, size: u64, length: usize) -> Option<Range<usize>> {
    let end = start.checked_add(size).filter(|&end| end <= length as u64)?;
    Some(start as usize..end as usize)
}

/// A reference to a storage.
struct Storage<'a> {
    dtype: Dtype,
    key: &'a str,
}

/// What `('storage', class, key, location, elements)` refers to.
fn storage(pickle: &Pickle, id: Id) -> Option<Storage<'_>> {
    let Value::Persistent(reference) = pickle.get(id) else { return None };
    let [kind, class, key, ..] = pickle.sequence(*reference)? else { return None };
    let class = pickle.global(*class)?.rsplit('.').next()?.strip_suffix("Storage")?;
    let dtype = match class {
        "Float" => Dtype::F32,
        "Double" => Dtype::F64,
        "Half" => Dtype::F16,
        "BFloat16" => Dtype::BF16,
        "Long" => Dtype::I64,
        "Int" => Dtype::I32,
        "Short" => Dtype::I16,
        "Char" => Dtype::I8,
        "Byte" => Dtype::U8,
        "Bool" => Dtype::BOOL,
        _ => return None,
    };
    (pickle.text(*kind) == Some("storage")).then_some(Storage { dtype, key: pickle.text(*key)? })
}

/// All storages that a pickle refers to.
fn object_storages(pickle: &Pickle) -> impl Iterator<Item = Storage<'_>> {
    (0..pickle.len()).filter_map(|id| storage(pickle, id))
}

/// The tensors of a pickled state dict, or of the one under the key `state_dict`.
fn state_dict(pickle: &Pickle, storages: &Storages) -> Result<StateDict, String> {
    let named =
        |entries: &[(Id, Id)], name: &str| entries.iter().find(|&&(key, _)| pickle.text(key) == Some(name)).map(|&(_, value)| value);
    let root = pickle.dict(pickle.root()).ok_or("it holds no state dict; save net.state_dict() rather than the network itself")?;
    let entries = named(root, "state_dict").and_then(|inner| pickle.dict(inner)).unwrap_or(root);
    let mut tensors = StateDict::new();
    for &(key, value) in entries {
        if let (Some(key), Some(arguments)) = (pickle.text(key), rebuilt(pickle, value)) {
            let found = tensor(pickle, arguments, storages).map_err(|problem| format!("tensor {key}: {problem}"))?;
            tensors.insert(key.to_owned(), found);
        }
    }
    match tensors.is_empty() {
        true => Err("it holds no state dict; save net.state_dict() rather than the network itself".into()),
        // What nn.DataParallel puts in front of every key.
        false if tensors.keys().all(|key| key.starts_with("module.")) => {
            Ok(tensors.into_iter().map(|(key, tensor)| (key["module.".len()..].to_owned(), tensor)).collect())
        }
        false => Ok(tensors),
    }
}

/// The arguments of the function that makes a tensor, where a value is one.
fn rebuilt(pickle: &Pickle, id: Id) -> Option<&[Id]> {
    let Value::Call(function, arguments) = *pickle.get(id) else { return None };
    let arguments = pickle.sequence(arguments)?;
    match pickle.global(function)? {
        "torch._utils._rebuild_tensor_v2" | "torch._utils._rebuild_tensor" => Some(arguments),
        // Its first argument is a tensor, which was made before it, so that this ends.
        "torch._utils._rebuild_parameter" => arguments.first().filter(|&&inner| inner < id).and_then(|&inner| rebuilt(pickle, inner)),
        _ => None,
    }
}

/// A tensor from `(storage, offset, size, stride, ..)`.
fn tensor(pickle: &Pickle, arguments: &[Id], storages: &Storages) -> Result<StoredTensor, String> {
    let [from, offset, size, stride, ..] = arguments else { return Err("it has too few arguments".into()) };
    let Storage { dtype, key } = storage(pickle, *from).ok_or("its storage is of an unknown kind")?;
    let bytes = storages.get(key).cloned().ok_or_else(|| format!("storage {key} is missing"))?;
    let count = |id: Id| pickle.int(id).and_then(|value| usize::try_from(value).ok());
    let counts = |id: Id| pickle.sequence(id).and_then(|list| list.iter().map(|&id| count(id)).collect::<Option<Vec<_>>>());
    let (Some(offset), Some(shape), Some(strides)) = (count(*offset), counts(*size), counts(*stride)) else {
        return Err("its size, stride or offset is no number".into());
    };
    StoredTensor::new(dtype, shape, strides, offset, bytes)
}
