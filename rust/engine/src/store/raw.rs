//! The only unsafe code of the engine: blocks of memory that were given by the caller, the table of
//! them, and copying bytes without a check that could panic.
#![allow(unsafe_code)]

use crate::error::{Error, Result};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::num::NonZeroU32;
use core::ptr::{null, null_mut, NonNull};

/// Copies the bytes of `from` to `to`, as many as both have.
#[inline]
pub fn copy(to: &mut [u8], from: &[u8]) {
    let len = to.len().min(from.len());
    // SAFETY: both have at least len bytes, and a slice to change overlaps no other.
    unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), to.as_mut_ptr(), len) };
}

/// Moves `len` bytes inside `bytes`; nothing happens where they would not be inside.
#[inline]
pub fn shift(bytes: &mut [u8], from: usize, to: usize, len: usize) {
    let inside = |at: usize| at.checked_add(len).is_some_and(|end| end <= bytes.len());
    if inside(from) && inside(to) {
        let start = bytes.as_mut_ptr();
        // SAFETY: both ranges are inside; ptr::copy allows that they overlap.
        unsafe { core::ptr::copy(start.add(from), start.add(to), len) };
    }
}

/// Bytes of the caller to write to, laid out as in the structs of C: an address, which may be null, and a length.
#[repr(C)]
pub struct Buffer<'a> {
    start: *mut u8,
    len: usize,
    lent: PhantomData<&'a mut [u8]>,
}

impl<'a> From<&'a mut [u8]> for Buffer<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        Buffer { start: bytes.as_mut_ptr(), len: bytes.len(), lent: PhantomData }
    }
}

impl Buffer<'_> {
    /// All of it.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        if self.start.is_null() {
            return &mut [];
        }
        // SAFETY: it was made of such a slice, or is such a struct of C, whose caller promises the same; `&mut self`
        // keeps everyone else away.
        unsafe { core::slice::from_raw_parts_mut(self.start, self.len) }
    }
}

/// A result of bytes in two words, the address and the length, or no address and the error's number. They come back in
/// registers; a `Result` of a slice goes through memory.
pub struct Words<'a> {
    start: *const u8,
    len: usize,
    bytes: PhantomData<&'a [u8]>,
}

impl<'a> From<Result<&'a [u8]>> for Words<'a> {
    #[inline(always)]
    fn from(result: Result<&'a [u8]>) -> Self {
        let (start, len) = match result {
            Ok(bytes) => (bytes.as_ptr(), bytes.len()),
            Err(error) => (null(), error.number() as usize),
        };
        Words { start, len, bytes: PhantomData }
    }
}

impl<'a> From<Words<'a>> for Result<&'a [u8]> {
    #[inline(always)]
    fn from(words: Words<'a>) -> Self {
        if words.start.is_null() {
            // SAFETY: a slice's address is not null, so from() made this of the number of an error, which is not 0.
            return Err(Error::from_number(unsafe { NonZeroU32::new_unchecked(words.len as u32) }));
        }
        // SAFETY: from() took them from such a slice.
        Ok(unsafe { core::slice::from_raw_parts(words.start, words.len) })
    }
}

/// A block of memory that the engine may use until it gives it back.
pub struct Block {
    start: NonNull<u8>,
    bytes: usize,
}

impl Block {
    /// Takes over a block; `None` where it is null or not aligned for `u64`.
    ///
    /// # Safety
    /// `start` points to `bytes` writable bytes that nobody else uses until they are given back, and
    /// they do not move.
    pub unsafe fn new(start: *mut u8, bytes: usize) -> Option<Self> {
        let start = NonNull::new(start)?;
        (start.as_ptr() as usize % align_of::<u64>() == 0).then_some(Block { start, bytes })
    }

    /// Bytes of it.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives it back.
    pub fn into_raw(self) -> *mut u8 {
        self.start.as_ptr()
    }
}

/// A value that lives in a block.
pub struct Owned<T> {
    place: NonNull<T>,
    bytes: usize,
}

impl<T> Owned<T> {
    /// Makes a value in a block; the block back where it is too short.
    // It is made in its place so, and not on the stack before.
    #[inline(always)]
    pub fn new(block: Block, make: impl FnOnce() -> T) -> core::result::Result<Self, Block> {
        if block.bytes < size_of::<T>() || align_of::<T>() > align_of::<u64>() {
            return Err(block);
        }
        let place = block.start.cast::<T>();
        // SAFETY: the block is ours, long enough and aligned for u64, which is as much as T asks for.
        unsafe { place.as_ptr().write(make()) };
        Ok(Owned { place, bytes: block.bytes })
    }

    /// Gives the block back; the value is forgotten.
    pub fn into_block(self) -> Block {
        Block { start: self.place.cast(), bytes: self.bytes }
    }
}

impl<T> core::ops::Deref for Owned<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: new() has put a value there, and the block is ours alone.
        unsafe { self.place.as_ref() }
    }
}

impl<T> core::ops::DerefMut for Owned<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as deref(); `&mut self` keeps everyone else away.
        unsafe { self.place.as_mut() }
    }
}

/// An array of plain values in a block.
pub struct Table<T> {
    start: *mut T,
    len: usize,
    bytes: usize,
}

impl<T: Copy> Table<T> {
    /// An array of nothing.
    pub const fn empty() -> Self {
        Table { start: null_mut(), len: 0, bytes: 0 }
    }

    /// Fills a block with `len` values, as many as it has room for.
    pub fn new(block: Block, len: usize, value: T) -> Self {
        let room = if align_of::<T>() > align_of::<u64>() { 0 } else { block.bytes / size_of::<T>().max(1) };
        let (len, start) = (len.min(room), block.start.as_ptr().cast::<T>());
        for index in 0..len {
            // SAFETY: index is below what the block has room for, and the block is aligned for T.
            unsafe { start.add(index).write(value) };
        }
        Table { start, len, bytes: block.bytes }
    }

    /// How many.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of them.
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        if self.start.is_null() {
            return &[];
        }
        // SAFETY: new() has written len values there, and the block is ours alone.
        unsafe { core::slice::from_raw_parts(self.start, self.len) }
    }

    /// All of them, to change.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        if self.start.is_null() {
            return &mut [];
        }
        // SAFETY: as as_slice(); `&mut self` keeps everyone else away.
        unsafe { core::slice::from_raw_parts_mut(self.start, self.len) }
    }

    /// Takes the block out; nothing is left.
    pub fn take_block(&mut self) -> Option<Block> {
        let start = NonNull::new(core::mem::replace(&mut self.start, null_mut()))?;
        let bytes = core::mem::take(&mut self.bytes);
        self.len = 0;
        Some(Block { start: start.cast(), bytes })
    }
}

/// An array in something that is made in its place: so that it is not made on the stack before, it is empty until it is
/// filled.
pub struct Late<T, const N: usize> {
    values: MaybeUninit<[T; N]>,
    len: usize,
}

impl<T: Copy, const N: usize> Late<T, N> {
    /// Not filled yet.
    pub const EMPTY: Self = Late { values: MaybeUninit::uninit(), len: 0 };

    /// Fills it with a value.
    pub fn fill(&mut self, value: T) {
        for index in 0..N {
            // SAFETY: index is below the number of values there is room for.
            unsafe { self.values.as_mut_ptr().cast::<T>().add(index).write(value) };
        }
        self.len = N;
    }

    /// All of it.
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        // SAFETY: len is 0, or fill() has written N values.
        unsafe { core::slice::from_raw_parts(self.values.as_ptr().cast(), self.len) }
    }

    /// All of it, to change.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as as_slice(); `&mut self` keeps everyone else away.
        unsafe { core::slice::from_raw_parts_mut(self.values.as_mut_ptr().cast(), self.len) }
    }
}

/// A table of blocks of one size. The table is a block itself; it holds the blocks' addresses, so that
/// a collector that scans it finds them.
pub struct Chunks {
    table: *mut *mut u8,
    capacity: u32,
    len: u32,
    held: u32,
    chunk_bytes: u32,
}

impl Chunks {
    /// A table with room for nothing.
    pub const fn new(chunk_bytes: u32) -> Self {
        Chunks { table: null_mut(), capacity: 0, len: 0, held: 0, chunk_bytes }
    }

    /// Bytes of one chunk.
    pub fn chunk_bytes(&self) -> usize {
        self.chunk_bytes as usize
    }

    /// Places in the table, those of chunks given back among them.
    pub fn places(&self) -> u32 {
        self.len
    }

    /// How many chunks are there.
    pub fn held(&self) -> u32 {
        self.held
    }

    /// How many places the table can have.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Moves the table to a larger block and gives the old one back. A block that is not larger is
    /// given back itself.
    pub fn grow(&mut self, block: Block) -> Option<Block> {
        let capacity = (block.bytes() / size_of::<*mut u8>()) as u32;
        if capacity <= self.capacity {
            return Some(block);
        }
        let old_bytes = self.capacity as usize * size_of::<*mut u8>();
        let table = block.into_raw().cast::<*mut u8>();
        for index in 0..capacity {
            let chunk = self.address(index).unwrap_or(null_mut());
            // SAFETY: index is below the new table's capacity, whose block is ours, and aligned for u64.
            unsafe { table.add(index as usize).write(chunk) };
        }
        let old = core::mem::replace(&mut self.table, table);
        self.capacity = capacity;
        // SAFETY: the old table was such a block of that size, and nothing refers to it any more.
        unsafe { Block::new(old.cast(), old_bytes) }
    }

    #[inline(always)]
    fn address(&self, index: u32) -> Option<*mut u8> {
        if index >= self.len {
            return None;
        }
        // SAFETY: len is at most capacity, and the table has so many places, all written by grow().
        let chunk = unsafe { self.table.add(index as usize).read() };
        (!chunk.is_null()).then_some(chunk)
    }

    /// Puts a chunk, filled with zeros, in the first empty place; the block itself back where its size is
    /// wrong or the table is full.
    pub fn add(&mut self, block: Block) -> core::result::Result<u32, Block> {
        if block.bytes() != self.chunk_bytes() {
            return Err(block);
        }
        let holes = if self.held < self.len { self.len } else { 0 };
        let empty = (0..holes).find(|index| self.address(*index).is_none()).unwrap_or(self.len);
        if empty >= self.capacity {
            return Err(block);
        }
        // SAFETY: empty is below capacity.
        unsafe { self.table.add(empty as usize).write(block.into_raw()) };
        self.len = self.len.max(empty.wrapping_add(1));
        self.held = self.held.wrapping_add(1);
        self.zero(empty);
        Ok(empty)
    }

    /// Takes a chunk out.
    pub fn remove(&mut self, index: u32) -> Option<Block> {
        let chunk = self.lend(index)?;
        self.held = self.held.wrapping_sub(1);
        while self.len > 0 && self.address(self.len.wrapping_sub(1)).is_none() {
            self.len = self.len.wrapping_sub(1);
        }
        Some(chunk)
    }

    /// Takes a chunk out that comes back to its place before another one is added or taken out.
    pub fn lend(&mut self, index: u32) -> Option<Block> {
        let chunk = self.address(index)?;
        // SAFETY: address() has found the place to be one of the table.
        unsafe { self.table.add(index as usize).write(null_mut()) };
        // SAFETY: the chunk came from a Block of that size, and its only address is now this one.
        unsafe { Block::new(chunk, self.chunk_bytes()) }
    }

    /// Puts a chunk back that was lent.
    pub fn put_back(&mut self, index: u32, chunk: Block) {
        if index < self.len && chunk.bytes() == self.chunk_bytes() {
            // SAFETY: len is at most the table's capacity.
            unsafe { self.table.add(index as usize).write(chunk.into_raw()) };
        }
    }

    /// Takes the table itself out, when no chunk is left.
    pub fn take_table(&mut self) -> Option<Block> {
        let bytes = self.capacity as usize * size_of::<*mut u8>();
        let table = core::mem::replace(&mut self.table, null_mut());
        (self.capacity, self.len, self.held) = (0, 0, 0);
        // SAFETY: the table was such a block, and nothing refers to it any more.
        unsafe { Block::new(table.cast(), bytes) }
    }

    /// `len` bytes of a chunk, from `at` on.
    #[inline(always)]
    pub fn bytes(&self, index: u32, at: usize, len: usize) -> Option<&[u8]> {
        let chunk = self.inside(index, at, len)?;
        // SAFETY: inside() has checked that the bytes belong to the chunk; it was filled with zeros when
        // it came, and `&self` keeps everyone from changing it.
        Some(unsafe { core::slice::from_raw_parts(chunk.add(at), len) })
    }

    /// The same, to change.
    #[inline]
    pub fn bytes_mut(&mut self, index: u32, at: usize, len: usize) -> Option<&mut [u8]> {
        let chunk = self.inside(index, at, len)?;
        // SAFETY: as bytes(); `&mut self` keeps everyone else from seeing it.
        Some(unsafe { core::slice::from_raw_parts_mut(chunk.add(at), len) })
    }

    /// Two places to read and one to change that none of them may overlap.
    pub fn two_and_one(
        &mut self,
        two: [(u32, usize); 2],
        one: (u32, usize),
        len: usize,
    ) -> Option<(&[u8], &[u8], &mut [u8])> {
        let apart = |place: (u32, usize)| place.0 != one.0 || place.1.abs_diff(one.1) >= len;
        let [(a, a_at), (b, b_at)] = two;
        if !apart((a, a_at)) || !apart((b, b_at)) {
            return None;
        }
        let (a, b, c) = (self.inside(a, a_at, len)?, self.inside(b, b_at, len)?, self.inside(one.0, one.1, len)?);
        // SAFETY: all three lie inside their chunks, and the one to change overlaps neither of the others.
        unsafe {
            Some((
                core::slice::from_raw_parts(a.add(a_at), len),
                core::slice::from_raw_parts(b.add(b_at), len),
                core::slice::from_raw_parts_mut(c.add(one.1), len),
            ))
        }
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn inside(&self, index: u32, at: usize, len: usize) -> Option<*mut u8> {
        let end = at.checked_add(len)?;
        (end <= self.chunk_bytes()).then(|| self.address(index))?
    }

    /// Fills a chunk with zeros.
    fn zero(&mut self, index: u32) {
        if let Some(chunk) = self.address(index) {
            // SAFETY: a chunk has chunk_bytes writable bytes; no reference to them exists.
            unsafe { chunk.write_bytes(0, self.chunk_bytes()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Words;
    use crate::error::{Error, Result};

    #[test]
    fn a_result_comes_out_of_words_as_it_went_in() {
        let errors = [Error::NeedMemory, Error::io(5), Error::no_room(131_072)].map(Err);
        for result in [Ok(&[1, 2, 3][..]), Ok(&[])].into_iter().chain(errors) {
            assert_eq!(Result::from(Words::from(result)), result);
        }
    }
}
