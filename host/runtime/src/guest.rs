//! What a running guest's host calls work on: one for each attempt, never reused.

use std::sync::Arc;

use auth::capability::Capabilities;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::capability::ambient::Random;
use crate::capability::filesystem::{Mounts, MountsView};
use crate::capability::http::Outgoing;
use crate::ledger::Ledger;
use crate::limits::Memory;

pub(crate) struct Guest {
    pub(crate) table: ResourceTable,
    pub(crate) wasi: WasiCtx,
    pub(crate) http_context: WasiHttpCtx,
    pub(crate) outgoing: Outgoing,
    pub(crate) mounts: Mounts,
    pub(crate) random: Random,
    pub(crate) memory: Memory,
    pub(crate) capabilities: Arc<Capabilities>,
    pub(crate) ledger: Arc<Ledger>,
}

impl Guest {
    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    pub(crate) fn mounts(&mut self) -> MountsView<'_> {
        MountsView {
            wasi: wasmtime_wasi::filesystem::WasiFilesystemCtxView {
                ctx: self.wasi.filesystem(),
                table: &mut self.table,
            },
            mounts: &mut self.mounts,
            ledger: &self.ledger,
        }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.outgoing,
            table: &mut self.table,
            ctx: &mut self.http_context,
        }
    }
}
