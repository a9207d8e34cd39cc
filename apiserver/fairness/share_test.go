package fairness

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDeal gives a flow different queues, and different flows different hands.
func TestDeal(t *testing.T) {
	hands := map[[4]int]bool{}
	for _, flow := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		hand := deal(hash(flow), 64, 4)
		require.Len(t, hand, 4)
		seen := map[int]bool{}
		for _, card := range hand {
			require.True(t, 0 <= card && card < 64 && !seen[card], "%v", hand)
			seen[card] = true
		}
		hands[[4]int(hand)] = true
	}
	require.Len(t, hands, 8)
	require.ElementsMatch(t, []int{0, 1, 2}, deal(12345, 3, 8), "there are no more than there are")
}

// TestFits says who may take how much of what is free.
func TestFits(t *testing.T) {
	for name, c := range map[string]struct {
		levels []usage
		more   int
		want   bool
	}{
		"its own":                          {[]usage{{Seats{10, 0, 0}, 9}, {Seats{10, 0, 0}, 10}}, 1, true},
		"no more than that":                {[]usage{{Seats{10, 0, 0}, 10}, {Seats{10, 10, 0}, 0}}, 1, false},
		"what another lends":               {[]usage{{Seats{10, 0, 5}, 10}, {Seats{10, 10, 0}, 0}}, 5, true},
		"not beyond its limit":             {[]usage{{Seats{10, 0, 5}, 10}, {Seats{10, 10, 0}, 0}}, 6, false},
		"not what another keeps":           {[]usage{{Seats{10, 0, 20}, 10}, {Seats{10, 0, 0}, 0}}, 1, false},
		"not what another has borrowed":    {[]usage{{Seats{10, 5, 0}, 5}, {Seats{10, 0, 9}, 15}}, 1, false},
		"but always what it does not lend": {[]usage{{Seats{10, 5, 0}, 4}, {Seats{10, 0, 9}, 16}}, 1, true},
	} {
		var levels []*level
		for _, u := range c.levels {
			levels = append(levels, &level{usage: u})
		}
		require.Equal(t, c.want, fits(levels, levels[0], c.more, 20), name)
	}
}
