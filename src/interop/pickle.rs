//! A reader of pickles that builds values and never calls anything. Where a pickle asks for a call,
//! the value is a note of what it asked for. Protocols 0 to 4 are read as far as `torch.save` uses
//! them; Python's `pickletools` describes the format.
//!
//! Values lie in one list and refer to each other by number. So a hostile file cannot cost more
//! than its own length, by sharing or by deep nesting.

use std::collections::HashMap;

/// The number of a value.
pub(super) type Id = usize;

/// One value of a pickle.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes,
    /// A tuple, or a list or set.
    Sequence(Vec<Id>),
    /// A dictionary, in order.
    Dict(Vec<(Id, Id)>),
    /// A class or function by its name.
    Global(String),
    /// What the surrounding file stores under this key.
    Persistent(Id),
    /// A call that the pickle asks for, and its arguments. It is never made.
    Call(Id, Id),
}

/// The values of one pickle.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    root: Id,
    /// Length of the pickle in bytes; another may follow.
    pub length: usize,
}

impl Pickle {
    /// Reads the pickle at the beginning of `bytes`.
    ///
    /// # Errors
    /// What is wrong, and at which byte.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut machine = Machine {
            bytes,
            at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            copies: bytes.len(),
        };
        loop {
            let start = machine.at;
            match machine.step() {
                Ok(None) => {}
                Ok(Some(root)) => {
                    return Ok(Self {
                        values: machine.values,
                        root,
                        length: machine.at,
                    });
                }
                Err(problem) => return Err(format!("{problem} at byte {start} of a pickle")),
            }
        }
    }

    /// The value that was pickled.
    pub fn root(&self) -> Id {
        self.root
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// A value.
    pub fn get(&self, id: Id) -> &Value {
        &self.values[id]
    }

    pub fn text(&self, id: Id) -> Option<&str> {
        match &self.values[id] {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn int(&self, id: Id) -> Option<i64> {
        match self.values[id] {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    pub fn global(&self, id: Id) -> Option<&str> {
        match &self.values[id] {
            Value::Global(name) => Some(name),
            _ => None,
        }
    }

    pub fn sequence(&self, id: Id) -> Option<&[Id]> {
        match &self.values[id] {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    pub fn dict(&self, id: Id) -> Option<&[(Id, Id)]> {
        match &self.values[id] {
            Value::Dict(entries) => Some(entries),
            _ => None,
        }
    }
}

/// The stack machine that a pickle is a program for.
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack that a MARK remembered.
    marks: Vec<usize>,
    memo: HashMap<usize, Id>,
    /// How many entries may still be copied from one value to another. It starts at the file's
    /// length, so copies of copies come to an end.
    copies: usize,
}

impl<'a> Machine<'a> {
    /// Runs one instruction. The last one gives the root.
    fn step(&mut self) -> Result<Option<Id>, String> {
        let code = self.take(1)?[0];
        match code {
            b'.' => return self.pop().map(Some),
            0x80 => drop(self.take(1)?), // protocol
            0x95 => drop(self.take(8)?), // length of a frame
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'N' => self.push(Value::None),
            0x88 | 0x89 => self.push(Value::Bool(code == 0x88)),
            b'J' | b'K' | b'M' | 0x8a | b'I' | b'L' | b'G' | b'F' => self.number(code)?,
            b'X' | 0x8c | 0x8d | b'U' | b'T' | b'V' | b'S' | b'B' | b'C' | 0x8e => {
                self.string(code)?
            }
            b')' | b']' | 0x8f => self.push(Value::Sequence(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b't' | b'l' => {
                let items = self.pop_mark()?;
                self.push(Value::Sequence(items));
            }
            0x85..=0x87 => {
                let from = self
                    .stack
                    .len()
                    .checked_sub(usize::from(code - 0x84))
                    .ok_or(EMPTY)?;
                let items = self.stack.split_off(from);
                self.push(Value::Sequence(items));
            }
            b'a' | b'e' | 0x90 => {
                let items = if code == b'a' {
                    vec![self.pop()?]
                } else {
                    self.pop_mark()?
                };
                self.extend(&items)?;
            }
            b's' | b'u' | b'd' => self.set_items(code)?,
            b'q' | b'r' | b'p' | 0x94 | b'h' | b'j' | b'g' => self.memo(code)?,
            b'c' | 0x93 | b'Q' | b'P' | b'R' | 0x81 | b'b' => self.object(code)?,
            _ => return Err(format!("unknown instruction {code:#04x}")),
        }
        Ok(None)
    }

    fn number(&mut self, code: u8) -> Result<(), String> {
        let value = match code {
            b'K' => Value::Int(i64::from(self.take(1)?[0])),
            b'M' => Value::Int(i64::from(u16::from_le_bytes(self.array()?))),
            b'J' => Value::Int(i64::from(i32::from_le_bytes(self.array()?))),
            b'G' => Value::Float(f64::from_be_bytes(self.array()?)),
            0x8a => {
                let length = usize::from(self.take(1)?[0]);
                Value::Int(long(self.take(length)?))
            }
            _ => {
                let line = self.line()?;
                let bool = (code == b'I')
                    .then(|| ["00", "01"].iter().position(|&text| text == line))
                    .flatten();
                let parsed = match (bool, code) {
                    (Some(value), _) => Some(Value::Bool(value == 1)),
                    (_, b'F') => line.parse().ok().map(Value::Float),
                    _ => line.trim_end_matches('L').parse().ok().map(Value::Int),
                };
                parsed.ok_or_else(|| format!("{line:?} is no number"))?
            }
        };
        self.push(value);
        Ok(())
    }

    fn string(&mut self, code: u8) -> Result<(), String> {
        if matches!(code, b'V' | b'S') {
            let line = self.line()?.trim_matches(['\'', '"']).to_owned();
            self.push(Value::Text(line));
            return Ok(());
        }
        let length = match code {
            0x8c | b'U' | b'C' => usize::from(self.take(1)?[0]),
            0x8d | 0x8e => usize::try_from(u64::from_le_bytes(self.array()?))
                .map_err(|error| error.to_string())?,
            _ => u32::from_le_bytes(self.array()?) as usize,
        };
        let bytes = self.take(length)?;
        let value = match code {
            b'B' | b'C' | 0x8e => Value::Bytes,
            _ => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        };
        self.push(value);
        Ok(())
    }

    fn extend(&mut self, items: &[Id]) -> Result<(), String> {
        let top = self.top()?;
        match &mut self.values[top] {
            Value::Sequence(list) => list.extend_from_slice(items),
            // Some classes behave as a list.
            Value::Call(..) => {}
            _ => return Err("nothing can be appended to this".into()),
        }
        Ok(())
    }

    fn set_items(&mut self, code: u8) -> Result<(), String> {
        let items = match code {
            b's' => self
                .stack
                .split_off(self.stack.len().checked_sub(2).ok_or(EMPTY)?),
            _ => self.pop_mark()?,
        };
        let pairs = items
            .as_chunks::<2>()
            .0
            .iter()
            .map(|&[key, value]| (key, value));
        if code == b'd' {
            let entries = pairs.collect();
            self.push(Value::Dict(entries));
            return Ok(());
        }
        let top = self.top()?;
        match &mut self.values[top] {
            Value::Dict(entries) => entries.extend(pairs),
            Value::Call(..) => {}
            _ => return Err("this has no items".into()),
        }
        Ok(())
    }

    fn memo(&mut self, code: u8) -> Result<(), String> {
        let index = match code {
            b'q' | b'h' => usize::from(self.take(1)?[0]),
            b'r' | b'j' => u32::from_le_bytes(self.array()?) as usize,
            0x94 => self.memo.len(),
            _ => self
                .line()?
                .parse()
                .map_err(|_| "a memo without a number".to_owned())?,
        };
        if matches!(code, b'h' | b'j' | b'g') {
            let value = *self
                .memo
                .get(&index)
                .ok_or_else(|| format!("memo {index} is empty"))?;
            self.stack.push(value);
        } else {
            let top = self.top()?;
            self.memo.insert(index, top);
        }
        Ok(())
    }

    fn object(&mut self, code: u8) -> Result<(), String> {
        match code {
            b'c' => {
                let name = format!("{}.{}", self.line()?, self.line()?);
                self.push(Value::Global(name));
            }
            0x93 => {
                let [name, module] = [self.pop()?, self.pop()?].map(|id| match &self.values[id] {
                    Value::Text(text) if text.len() <= LONGEST_NAME => Some(text),
                    _ => None,
                });
                let (Some(name), Some(module)) = (name, module) else {
                    return Err("a class without a name".into());
                };
                let name = format!("{module}.{name}");
                self.push(Value::Global(name));
            }
            b'Q' => {
                let key = self.pop()?;
                self.push(Value::Persistent(key));
            }
            b'P' => {
                let line = self.line()?.to_owned();
                self.push(Value::Text(line));
                let key = self.pop()?;
                self.push(Value::Persistent(key));
            }
            // State that an object gets after it was made. No object that is read here has any.
            b'b' => drop(self.pop()?),
            _ => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                let made = self.call(function, arguments)?;
                self.push(made);
            }
        }
        Ok(())
    }

    /// An ordered dictionary is made from nothing or from pairs. Every other call stays a note.
    fn call(&mut self, function: Id, arguments: Id) -> Result<Value, String> {
        let (Value::Global(name), Value::Sequence(given)) =
            (&self.values[function], &self.values[arguments])
        else {
            return Ok(Value::Call(function, arguments));
        };
        if name != "collections.OrderedDict" {
            return Ok(Value::Call(function, arguments));
        }
        let pairs = given.first().and_then(|&pairs| match &self.values[pairs] {
            Value::Sequence(pairs) => Some(pairs.as_slice()),
            _ => None,
        });
        let pairs = pairs.unwrap_or_default();
        self.copies = self
            .copies
            .checked_sub(pairs.len())
            .ok_or("dictionaries are made of each other without end")?;
        let entry = |&pair: &Id| match &self.values[pair] {
            Value::Sequence(pair) if pair.len() == 2 => Some((pair[0], pair[1])),
            _ => None,
        };
        Ok(Value::Dict(pairs.iter().filter_map(entry).collect()))
    }

    fn push(&mut self, value: Value) {
        self.values.push(value);
        self.stack.push(self.values.len() - 1);
    }

    fn top(&self) -> Result<Id, String> {
        self.stack.last().copied().ok_or_else(|| EMPTY.to_owned())
    }

    fn pop(&mut self) -> Result<Id, String> {
        // What lies under a mark belongs to the value outside.
        match self.stack.len() > self.marks.last().copied().unwrap_or(0) {
            true => self.stack.pop().ok_or_else(|| EMPTY.to_owned()),
            false => Err(EMPTY.to_owned()),
        }
    }

    /// Everything above the last mark.
    fn pop_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or("no mark")?;
        match mark <= self.stack.len() {
            true => Ok(self.stack.split_off(mark)),
            false => Err(EMPTY.to_owned()),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self
            .at
            .checked_add(count)
            .filter(|&end| end <= self.bytes.len())
            .ok_or("the file ends")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn line(&mut self) -> Result<&'a str, String> {
        let rest = &self.bytes[self.at..];
        let length = rest
            .iter()
            .position(|&byte| byte == b'\n')
            .ok_or("the file ends")?;
        self.at += length + 1;
        std::str::from_utf8(&rest[..length]).map_err(|error| error.to_string())
    }
}

const EMPTY: &str = "nothing on the stack";
/// Bytes of the longest name of a class or module.
const LONGEST_NAME: usize = 256;

/// Reads a little-endian two's complement of any length. What does not fit is clamped.
fn long(bytes: &[u8]) -> i64 {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    let mut word = [fill; 8];
    let length = bytes.len().min(8);
    word[..length].copy_from_slice(&bytes[..length]);
    let value = i64::from_le_bytes(word);
    let fits = bytes.iter().skip(8).all(|&byte| byte == fill) && (value < 0) == negative;
    match (fits, negative) {
        (true, _) => value,
        (false, true) => i64::MIN,
        (false, false) => i64::MAX,
    }
}
