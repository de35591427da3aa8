//! Reads an uploaded binary without running or believing it.
//!
//! Owns the walk over the bytes: what it is, what it imports and exports, its manifest. It
//! does not know what is allowed, nor whether the code compiles.

use auth::names::Digest;
use ports::{Exports, Inspection};
use wasmparser::{
    ComponentExport, ComponentExternalKind, ComponentImport, ComponentTypeRef, Parser, Payload,
    TypeBounds, Validator, WasmFeatures,
};

use crate::RuntimeConfig;
use crate::text;

/// The custom section that holds the manifest.
const MANIFEST_SECTION: &str = "sluice:manifest";
const MANIFEST_BYTES_MAX: usize = 256 << 10;
/// How deep components and modules may be nested.
const DEPTH_MAX: usize = 16;
const IMPORTS_MAX: usize = 1_000;
/// Bytes of one function's body: the compiler's time and memory grow faster than they do.
const FUNCTION_BYTES_MAX: usize = 2 << 20;
/// Bytes of a name repeated in a message.
const NAME_BYTES_MAX: usize = 128;

/// Reads a component's facts.
///
/// # Errors
/// Each line says what is wrong and where.
pub(crate) fn read(wasm: &[u8], config: &RuntimeConfig) -> Result<Inspection, Vec<String>> {
    let facts = check_kind(wasm, config).and_then(|()| Facts::walk(wasm, config));
    let facts = facts.map_err(|problem| vec![problem])?;
    Validator::new_with_features(features())
        .validate_all(wasm)
        .map_err(|error| vec![malformed(&error)])?;
    facts.judge(wasm)
}

fn check_kind(wasm: &[u8], config: &RuntimeConfig) -> Result<(), String> {
    if wasm.len() > config.upload_bytes_max {
        let (bytes, max) = (wasm.len(), config.upload_bytes_max);
        return Err(format!(
            "the component has {bytes} bytes, at most {max} are accepted"
        ));
    }
    if !wasm.starts_with(b"\0asm") {
        let what = match wasm.first() {
            None => "the body is empty",
            Some(b'(') => "this is WebAssembly text; convert it with `wasm-tools parse`",
            Some(_) => "these bytes are not WebAssembly: they do not begin with `\\0asm`",
        };
        return Err(format!(
            "{what}; upload a component, such as `wasm32-wasip2` programs are"
        ));
    }
    if Parser::is_core_wasm(wasm) {
        return Err(
            "this is a core module, not a component; compile for `wasm32-wasip2`, or wrap it with `wasm-tools component new`"
                .to_owned(),
        );
    }
    if !Parser::is_component(wasm) {
        return Err(
            "truncated, or not a component of a known binary version, at byte 4".to_owned(),
        );
    }
    Ok(())
}

fn features() -> WasmFeatures {
    WasmFeatures::default() - WasmFeatures::THREADS - WasmFeatures::MEMORY64
}

fn malformed(error: &wasmparser::BinaryReaderError) -> String {
    let message = text::plain(error.message(), 512);
    format!("malformed component at byte {}: {message}", error.offset())
}

/// What the walk collects.
#[derive(Default)]
struct Facts {
    imports: Vec<String>,
    exports: Vec<(String, ComponentExternalKind)>,
    manifests: Vec<Vec<u8>>,
    depth: usize,
    functions: usize,
}

impl Facts {
    fn walk(wasm: &[u8], config: &RuntimeConfig) -> Result<Self, String> {
        let mut facts = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(|error| malformed(&error))?;
            facts.take(payload, config)?;
        }
        facts.imports.sort();
        facts.imports.dedup();
        Ok(facts)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a foreign enum of every section there is; validation judges the others"
    )]
    fn take(&mut self, payload: Payload<'_>, config: &RuntimeConfig) -> Result<(), String> {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err(format!("components are nested more than {DEPTH_MAX} deep"));
                }
            }
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::CodeSectionStart { count, .. } => {
                self.functions = self.functions.saturating_add(count as usize);
                let max = config.functions_max;
                if self.functions > max {
                    return Err(format!("the component defines more than {max} functions"));
                }
            }
            Payload::CodeSectionEntry(body) if body.as_bytes().len() > FUNCTION_BYTES_MAX => {
                return Err(format!(
                    "the function at byte {} has {} bytes, at most {FUNCTION_BYTES_MAX} are accepted; split it",
                    body.range().start,
                    body.as_bytes().len()
                ));
            }
            Payload::ComponentImportSection(imports) if self.depth == 0 => {
                for import in imports {
                    self.import(&import.map_err(|error| malformed(&error))?)?;
                }
            }
            Payload::ComponentExportSection(exports) if self.depth == 0 => {
                for export in exports {
                    self.export(&export.map_err(|error| malformed(&error))?)?;
                }
            }
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                if section.data().len() > MANIFEST_BYTES_MAX {
                    return Err(format!(
                        "the section `{MANIFEST_SECTION}` has more than {MANIFEST_BYTES_MAX} bytes"
                    ));
                }
                self.manifests.push(section.data().to_vec());
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: &ComponentImport<'_>) -> Result<(), String> {
        // A type that equals another one carries no power; only its name is imported.
        if matches!(import.ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
            return Ok(());
        }
        if self.imports.len() >= IMPORTS_MAX {
            return Err(format!("the component has more than {IMPORTS_MAX} imports"));
        }
        self.imports.push(import.name.name.to_owned());
        Ok(())
    }

    fn export(&mut self, export: &ComponentExport<'_>) -> Result<(), String> {
        if self.exports.len() >= IMPORTS_MAX {
            return Err(format!("the component has more than {IMPORTS_MAX} exports"));
        }
        self.exports
            .push((export.name.name.to_owned(), export.kind));
        Ok(())
    }

    fn judge(self, wasm: &[u8]) -> Result<Inspection, Vec<String>> {
        let mut problems = Vec::new();
        let exports = self
            .step_interface()
            .map_err(|problem| problems.push(problem));
        let manifest = self.manifest().map_err(|problem| problems.push(problem));
        let (Ok(exports), Ok(manifest)) = (exports, manifest) else {
            return Err(problems);
        };
        Ok(Inspection {
            digest: Digest::of(wasm),
            imports: self.imports,
            exports,
            manifest,
        })
    }

    fn step_interface(&self) -> Result<Exports, String> {
        let has = |wanted: &dyn Fn(&str, ComponentExternalKind) -> bool| {
            self.exports.iter().any(|(name, kind)| wanted(name, *kind))
        };
        if has(&|name, kind| name == "run" && kind == ComponentExternalKind::Func) {
            return Ok(Exports::Step);
        }
        if has(&|name, _| name.starts_with("wasi:cli/run@0.2.")) {
            return Ok(Exports::Command);
        }
        let found: Vec<String> = self
            .exports
            .iter()
            .take(8)
            .map(|(name, _)| format!("`{}`", text::plain(name, NAME_BYTES_MAX)))
            .collect();
        let found = if found.is_empty() {
            "nothing".to_owned()
        } else {
            found.join(", ")
        };
        Err(format!(
            "the component exports neither `run` of world `sluice:step/step@0.1.0` nor `wasi:cli/run@0.2.x`; it exports {found}"
        ))
    }

    fn manifest(&self) -> Result<Option<String>, String> {
        let [bytes] = self.manifests.as_slice() else {
            return match self.manifests.len() {
                0 => Ok(None),
                count => Err(format!(
                    "the component has {count} sections `{MANIFEST_SECTION}`, one is allowed: nested modules and components count"
                )),
            };
        };
        match std::str::from_utf8(bytes) {
            Ok(manifest) => Ok(Some(manifest.to_owned())),
            Err(error) => Err(format!(
                "the section `{MANIFEST_SECTION}` is not UTF-8 at byte {}",
                error.valid_up_to()
            )),
        }
    }
}
