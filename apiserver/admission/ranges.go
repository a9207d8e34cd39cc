package admission

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"strconv"
)

// errFull says that every value of a range is taken.
var errFull = errors.New("range is full")

// A span is a range of values that can be claimed, numbered from 0.
type span struct {
	size int
	// static is the number of values at the start that are given out last:
	// whoever wants a certain value chooses one of them, and finds it free
	// (KEP-3070 for addresses, KEP-3668 for ports).
	static int
	name   func(i int) string
}

// addresses returns the span of a prefix's addresses without the first, which is
// the network, and the last, which is its broadcast address.
func addresses(prefix netip.Prefix) span {
	size := 1<<(32-prefix.Bits()) - 2
	base := binary.BigEndian.Uint32(prefix.Masked().Addr().AsSlice())
	return span{
		size:   size,
		static: staticPart(size, 16, 256),
		name: func(i int) string {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], base+uint32(i)+1)
			return netip.AddrFrom4(b).String()
		},
	}
}

// ports returns the span of the ports from first to last.
func ports(first, last int) span {
	size := last - first + 1
	return span{
		size:   size,
		static: staticPart(size, 32, 128),
		name:   func(i int) string { return strconv.Itoa(first + i) },
	}
}

// staticPart is a fraction of the size, at least 16 and at most a limit. A
// range too small for that has none.
func staticPart(size, fraction, limit int) int {
	part := min(max(16, size/fraction), limit)
	if part >= size {
		return 0
	}
	return part
}

// take claims some free value of the span for the holder, or with dryRun only
// finds one. If all seem taken, it first lets go of those that nobody uses any
// more.
func (s span) take(ctx context.Context, c *claims, holder string, dryRun bool) (string, error) {
	name, err := s.takeFree(ctx, c, holder, dryRun)
	if errors.Is(err, errFull) && !dryRun {
		if err := c.sweep(ctx); err != nil {
			return "", fmt.Errorf("allocate: %w", err)
		}
		name, err = s.takeFree(ctx, c, holder, dryRun)
	}
	if err != nil {
		return "", fmt.Errorf("allocate: %w", err)
	}
	return name, nil
}

// takeFree tries all values that nobody seems to hold. A random start keeps
// values from being used again soon, when old connections may still look for
// their last owner.
func (s span) takeFree(ctx context.Context, c *claims, holder string, dryRun bool) (string, error) {
	holders, err := c.holders(ctx)
	if err != nil {
		return "", err
	}
	for i := range s.order() {
		name := s.name(i)
		if holders[name] != "" {
			continue
		}
		if dryRun {
			return name, nil
		}
		if err := c.claim(ctx, name, holder); !errors.Is(err, errTaken) {
			return name, err
		}
	}
	return "", errFull
}

// order yields all values, from a random one on, the static ones last.
func (s span) order() iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, part := range [][2]int{{s.static, s.size - s.static}, {0, s.static}} {
			from, size := part[0], part[1]
			if size == 0 {
				continue
			}
			start := rand.IntN(size)
			for i := range size {
				if !yield(from + (start+i)%size) {
					return
				}
			}
		}
	}
}
