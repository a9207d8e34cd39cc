package store

// Everything is the range of all keys.
var Everything = Range{}

// Key is the range of one key.
func Key(key string) Range { return Range{Start: key, End: key + "\x00"} }

// Prefix is the range of all keys that begin with p.
func Prefix(p string) Range { return Range{Start: p, End: prefixEnd(p)} }

// From is the rest of r that starts at key: how a page goes on after the last.
func (r Range) From(key string) Range {
	if key > r.Start {
		r.Start = key
	}
	return r
}

// Contains reports whether key is in the range.
func (r Range) Contains(key string) bool {
	return key >= r.Start && (r.End == "" || key < r.End)
}

// prefixEnd is the first key after all those that begin with p: p with its last
// byte that is not 0xff raised by one. Without such a byte there is no end.
func prefixEnd(p string) string {
	b := []byte(p)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return string(b[:i+1])
		}
	}
	return ""
}
