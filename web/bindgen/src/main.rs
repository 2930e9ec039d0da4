//! `bindgen MODULE.wasm FOLDER [--names]`: writes the JavaScript that loads a module built with
//! wasm-bindgen. With `--names` functions keep their names, which tests are told by.

use std::error::Error;
use std::path::PathBuf;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let names = arguments
        .pop_if(|last| last.as_os_str() == "--names")
        .is_some();
    let [module, folder] = arguments.as_slice() else {
        return Err("usage: bindgen MODULE.wasm FOLDER [--names]".into());
    };
    Bindgen::new()
        .input_path(module)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(false)
        .remove_name_section(!names)
        .remove_producers_section(true)
        .generate(folder)?;
    Ok(())
}
