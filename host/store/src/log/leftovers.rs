//! What stands behind the last frame of a file: a torn frame, or what was there before the file
//! was used again, which people may have chosen.
//!
//! Owns the search for frames in it, which costs as much as the leftovers are long, whatever
//! they are.

use super::frame::{ALIGNMENT, Claim, HEADER_BYTES, Salt, before_content};

/// The number of a frame in `leftovers`, the first of which would be `expected`, behind that one:
/// what follows a torn frame was never durable, so that there may be none.
pub(super) fn later_frame(salt: &Salt, leftovers: &[u8], expected: u64) -> Option<u64> {
    let places = (0..leftovers.len()).step_by(ALIGNMENT);
    let claims = places.filter_map(|at| claim(leftovers, at, expected));
    let mut claims = claims.peekable();
    claims.peek()?;
    let sums = Sums::of(leftovers);
    let mut frames = claims.filter(|(at, claim)| sums.checksum(salt, *at, claim) == claim.checksum);
    frames.next().map(|(_, claim)| claim.number)
}

/// What stands at `at`, if a frame of that number and length could.
fn claim(leftovers: &[u8], at: usize, expected: u64) -> Option<(usize, Claim)> {
    let (claim, rest) = Claim::parse(leftovers.get(at..)?)?;
    let frames_before = (at / HEADER_BYTES) as u64;
    let could_be = claim.content_bytes <= rest.len()
        && claim.number > expected
        && claim.number - expected <= frames_before;
    could_be.then_some((at, claim))
}

/// Checksums of everything before each place, from which that of any part follows without
/// reading it: many claims to be a long frame cost no more than one.
struct Sums<'a> {
    bytes: &'a [u8],
    /// At multiples of [`ALIGNMENT`].
    before: Vec<u32>,
}

impl<'a> Sums<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        let mut before = vec![0];
        before.extend(bytes.chunks(ALIGNMENT).map(|chunk| {
            hasher.update(chunk);
            hasher.clone().finalize()
        }));
        Self { bytes, before }
    }

    /// The checksum that a frame of this claim has if it stands at `at`.
    fn checksum(&self, salt: &Salt, at: usize, claim: &Claim) -> u32 {
        let content = at + HEADER_BYTES;
        let begun = before_content(salt, claim.number, claim.content_bytes).finalize();
        // A checksum is moved behind more bytes by a linear function, so that this takes out
        // what is before the content and puts in what the frame has there.
        let mut sum = crc32fast::Hasher::new_with_initial(begun ^ self.before(content));
        let through = self.before(content + claim.content_bytes);
        let content_bytes = claim.content_bytes as u64;
        sum.combine(&crc32fast::Hasher::new_with_initial_len(
            through,
            content_bytes,
        ));
        sum.finalize()
    }

    fn before(&self, place: usize) -> u32 {
        let aligned = place - place % ALIGNMENT;
        let before = self.before.get(place / ALIGNMENT).copied();
        let mut hasher = crc32fast::Hasher::new_with_initial(before.unwrap_or_default());
        hasher.update(self.bytes.get(aligned..place).unwrap_or_default());
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::frame::{Frame, FrameBuilder};
    use super::*;

    const SALT: Salt = [7; 16];

    fn frame(number: u64, bytes: usize) -> Vec<u8> {
        let mut frame = FrameBuilder::new();
        frame.push(b"k", Some(&vec![number as u8; bytes]));
        frame.finish(&SALT, number)
    }

    fn header(length: u32, number: u64) -> Vec<u8> {
        [
            [0; 4].as_slice(),
            &length.to_be_bytes(),
            &number.to_be_bytes(),
        ]
        .concat()
    }

    proptest! {
        #[test]
        fn a_later_frame_is_found_wherever_it_stands(
            torn in 2..80_usize,
            skipped in 0..4_u64,
            bytes in 0..3000_usize,
            salt in prop_oneof![Just(SALT), any::<Salt>()],
            behind in prop::collection::vec(any::<u8>(), 0..70),
        ) {
            let mut leftovers = vec![0x5a; torn * ALIGNMENT];
            let number = 10 + skipped;
            leftovers.extend(frame(number, bytes));
            leftovers.extend(&behind);
            let could_be = skipped > 0 && skipped <= (torn * ALIGNMENT / HEADER_BYTES) as u64;
            let expected = (could_be && salt == SALT).then_some(number);
            prop_assert_eq!(later_frame(&salt, &leftovers, 10), expected);
            let whole = Frame::parse(&SALT, &leftovers[torn * ALIGNMENT..]);
            prop_assert_eq!(whole.unwrap().number, number);
        }
    }

    #[test]
    fn frames_of_before_and_torn_ones_are_none() {
        let mut leftovers = vec![1; 8000];
        leftovers.extend(frame(9, 100));
        leftovers.extend(frame(10, 100));
        assert_eq!(later_frame(&SALT, &leftovers, 10), None);
        let mut torn = frame(12, 5000);
        torn[3000] ^= 1;
        leftovers.extend(torn);
        assert_eq!(later_frame(&SALT, &leftovers, 10), None);
        leftovers.extend(frame(13, 1));
        assert_eq!(later_frame(&SALT, &leftovers, 10), Some(13));
        assert_eq!(later_frame(&SALT, &[], 10), None);
    }

    /// Each of half a million claims to be a frame of many megabytes: to check them one by one is
    /// to read some terabytes.
    #[test]
    fn leftovers_that_claim_to_be_frames_everywhere_are_read_once() {
        let count = 1 << 19;
        let header = header((count * 8) as u32, 11);
        let mut leftovers = header.repeat(count);
        assert_eq!(later_frame(&SALT, &leftovers, 10), None);
        leftovers.extend(frame(11, 10));
        assert_eq!(later_frame(&SALT, &leftovers, 10), Some(11));
    }
}
