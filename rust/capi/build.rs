//! Makes the Rust side of the ABI from its header, the one contract.

use std::env::var;
use std::path::PathBuf;

fn main() {
    let crate_folder = PathBuf::from(var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let header = crate_folder.join("../../mpy_glue/mtdb.h");
    println!("cargo::rerun-if-changed={}", header.display());
    let bindings = bindgen::Builder::default()
        .header(header.to_str().expect("a path in UTF-8"))
        .allowlist_item("mtdb_.*|MTDB_.*")
        .with_codegen_config(bindgen::CodegenConfig::TYPES | bindgen::CodegenConfig::VARS)
        .use_core()
        .ctypes_prefix("cty")
        .prepend_enum_name(false)
        .layout_tests(false)
        // The layout of structs is the target's; clang must know it.
        .clang_arg(format!("--target={}", clang_target()))
        .clang_arg("-nostdinc")
        .clang_arg(format!("-I{}", crate_folder.join("freestanding").display()))
        .generate()
        .expect("mpy_glue/mtdb.h is sound C");
    let out = PathBuf::from(var("OUT_DIR").expect("cargo sets it")).join("abi.rs");
    bindings.write_to_file(out).expect("cargo's folder can be written to");
}

/// Clang's name for the target, where Rust's is another one.
fn clang_target() -> String {
    let target = var("TARGET").expect("cargo sets it");
    match target.strip_prefix("riscv32imc-") {
        Some(rest) => format!("riscv32-{rest}"),
        None => target,
    }
}
