//! The bytes of one file: written, durable, and which blocks differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::random::Random;

/// What is written and kept as a whole, if a power cut does not tear it.
pub const BLOCK_BYTES: u64 = 4096;
/// What even a torn block is made of.
const SECTOR_BYTES: usize = 512;

type Block = Arc<[u8; BLOCK_BYTES as usize]>;

/// A file's bytes at one moment.
#[derive(Clone, Debug, Default)]
struct Content {
    bytes: u64,
    blocks: BTreeMap<u64, Block>,
}

/// A file: what readers see, and what a power cut leaves.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    written: Content,
    durable: Content,
    /// Blocks written or removed that no sync has covered.
    dirty: BTreeSet<u64>,
}

/// What a sync found to be unsynced.
#[derive(Debug)]
pub(super) struct Caught {
    bytes: u64,
    blocks: Vec<(u64, Option<Block>)>,
}

/// What chance keeps of unsynced blocks; nothing without it.
pub(super) struct Kept(pub(super) Option<Random>);

impl File {
    pub(super) fn bytes(&self) -> u64 {
        self.written.bytes
    }

    pub(super) fn blocks(&self) -> u64 {
        self.written.blocks.len() as u64
    }

    pub(super) fn blocks_missing(&self, offset: u64, bytes: u64) -> u64 {
        let wanted = blocks_of(offset, bytes);
        let there = self.written.blocks.range(wanted.clone()).count() as u64;
        wanted.end - wanted.start - there
    }

    pub(super) fn read(&self, offset: u64, bytes: u64) -> Vec<u8> {
        let end = (offset + bytes).min(self.written.bytes);
        let mut data = vec![0; end.saturating_sub(offset) as usize];
        for index in blocks_of(offset, data.len() as u64) {
            let Some(block) = self.written.blocks.get(&index) else {
                continue;
            };
            let begin = index * BLOCK_BYTES;
            let from = begin.max(offset);
            let to = (begin + BLOCK_BYTES).min(end);
            let found = &block[(from - begin) as usize..(to - begin) as usize];
            data[(from - offset) as usize..(to - offset) as usize].copy_from_slice(found);
        }
        data
    }

    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        let end = offset + data.len() as u64;
        for index in blocks_of(offset, data.len() as u64) {
            let begin = index * BLOCK_BYTES;
            let from = begin.max(offset);
            let to = (begin + BLOCK_BYTES).min(end);
            let new = &data[(from - offset) as usize..(to - offset) as usize];
            let block = self.block(index);
            block[(from - begin) as usize..(to - begin) as usize].copy_from_slice(new);
        }
        self.written.bytes = self.written.bytes.max(end);
    }

    /// Blocks reach the disk before any sync asks for it, as the system sees fit.
    pub(super) fn stray(&mut self, offset: u64, bytes: u64) {
        for index in blocks_of(offset, bytes) {
            let block = self.written.blocks.get(&index).cloned();
            self.durable.set(index, block);
            let end = self.written.bytes.min((index + 1) * BLOCK_BYTES);
            self.durable.bytes = self.durable.bytes.max(end);
        }
    }

    pub(super) fn allocate(&mut self, offset: u64, bytes: u64, is_size_kept: bool) {
        for index in blocks_of(offset, bytes) {
            if !self.written.blocks.contains_key(&index) {
                self.block(index);
            }
        }
        if !is_size_kept {
            self.written.bytes = self.written.bytes.max(offset + bytes);
        }
    }

    pub(super) fn punch(&mut self, offset: u64, bytes: u64) {
        let end = (offset + bytes).min(self.written.bytes);
        if end > offset {
            let size = self.written.bytes;
            self.write(offset, &vec![0; (end - offset) as usize]);
            self.written.bytes = size;
        }
    }

    pub(super) fn resize(&mut self, bytes: u64) {
        if bytes < self.written.bytes {
            let gone = self.written.blocks.split_off(&bytes.div_ceil(BLOCK_BYTES));
            self.dirty.extend(gone.keys());
            let last = bytes / BLOCK_BYTES;
            if self.written.blocks.contains_key(&last) {
                self.block(last)[(bytes % BLOCK_BYTES) as usize..].fill(0);
            }
        }
        self.written.bytes = bytes;
    }

    fn block(&mut self, index: u64) -> &mut [u8; BLOCK_BYTES as usize] {
        self.dirty.insert(index);
        let block = self.written.blocks.entry(index);
        Arc::make_mut(block.or_insert_with(zeros))
    }

    pub(super) fn catch(&self) -> Caught {
        let dirty = self.dirty.iter();
        Caught {
            bytes: self.written.bytes,
            blocks: dirty
                .map(|index| (*index, self.written.blocks.get(index).cloned()))
                .collect(),
        }
    }

    pub(super) fn keep(&mut self, caught: Caught) {
        self.durable.bytes = caught.bytes;
        for (index, block) in &caught.blocks {
            self.durable.set(*index, block.clone());
        }
        self.forget(caught);
    }

    /// Blocks that were caught and not written since count as clean.
    pub(super) fn forget(&mut self, caught: Caught) {
        for (index, block) in caught.blocks {
            let is_same = match (self.written.blocks.get(&index), &block) {
                (Some(written), Some(caught)) => Arc::ptr_eq(written, caught),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            if is_same {
                self.dirty.remove(&index);
            }
        }
    }

    pub(super) fn cut(&mut self, kept: &mut Kept) {
        if let Some(random) = &mut kept.0 {
            let mut end = 0;
            for index in &self.dirty {
                let old = self.durable.blocks.get(index);
                let new = self.written.blocks.get(index);
                let block = match random.below(3) {
                    0 => continue,
                    1 => new.cloned(),
                    _ => Some(torn(random, old, new)),
                };
                self.durable.set(*index, block);
                end = self.written.bytes.min((index + 1) * BLOCK_BYTES);
            }
            self.durable.bytes = match random.once_in(2) {
                true => self.written.bytes,
                false => self.durable.bytes.max(end),
            };
        }
        self.dirty.clear();
        self.written = self.durable.clone();
    }
}

impl Content {
    fn set(&mut self, index: u64, block: Option<Block>) {
        match block {
            Some(block) => self.blocks.insert(index, block),
            None => self.blocks.remove(&index),
        };
    }
}

/// Sectors of the one and of the other.
fn torn(random: &mut Random, old: Option<&Block>, new: Option<&Block>) -> Block {
    let (old, new) = (old.cloned(), new.cloned());
    let mut block = old.unwrap_or_else(zeros);
    let new = new.unwrap_or_else(zeros);
    let sectors = Arc::make_mut(&mut block).chunks_mut(SECTOR_BYTES);
    for (sector, written) in sectors.zip(new.chunks(SECTOR_BYTES)) {
        if random.once_in(2) {
            sector.copy_from_slice(written);
        }
    }
    block
}

fn zeros() -> Block {
    Arc::new([0; BLOCK_BYTES as usize])
}

fn blocks_of(offset: u64, bytes: u64) -> std::ops::Range<u64> {
    match bytes {
        0 => 0..0,
        _ => offset / BLOCK_BYTES..(offset + bytes).div_ceil(BLOCK_BYTES),
    }
}
