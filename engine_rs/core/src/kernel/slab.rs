//! Places for messages under way: a message waits in a place, the queue holds the place's number.

/// Values under small reusable numbers.
pub struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    pub fn put(&mut self, value: T) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.places[place as usize] = Some(value);
                place
            }
            None => {
                self.places.push(Some(value));
                u32::try_from(self.places.len() - 1).expect("fewer than 2^32 messages under way")
            }
        }
    }

    /// Takes the value out and frees its place; the place must be taken.
    pub fn take(&mut self, place: u32) -> T {
        let value = self.places[place as usize].take().expect("each message is taken once");
        self.free.push(place);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again() {
        let mut slab = Slab::default();
        let (a, b) = (slab.put('a'), slab.put('b'));
        assert_eq!(slab.take(a), 'a');
        assert_eq!(slab.put('c'), a);
        assert_eq!((slab.take(b), slab.take(a)), ('b', 'c'));
        assert_eq!(slab.places.len(), 2);
    }
}
