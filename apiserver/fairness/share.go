package fairness

import (
	"math"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
)

// Seats are how many a level has by right, how many of them it lends, and how many
// more it may borrow.
type Seats struct{ Nominal, Lendable, Borrowable int }

// share divides seats among levels by their shares, each rounded up.
func share(total int, levels []*flowcontrolv1.PriorityLevelConfiguration) map[string]Seats {
	sum := 0
	for _, l := range levels {
		shares, _, _ := terms(l)
		sum += shares
	}
	out := map[string]Seats{}
	for _, l := range levels {
		shares, lendable, borrowing := terms(l)
		s := Seats{Borrowable: total}
		if sum > 0 {
			s.Nominal = int(math.Ceil(float64(total) * float64(shares) / float64(sum)))
		}
		s.Lendable = int(math.Round(float64(s.Nominal) * float64(lendable) / 100))
		if borrowing != nil {
			s.Borrowable = int(math.Round(float64(s.Nominal) * float64(*borrowing) / 100))
		}
		out[l.Name] = s
	}
	return out
}

// terms are a level's shares, and how many percent of its seats it lends and may
// borrow at most (nil: no limit).
func terms(l *flowcontrolv1.PriorityLevelConfiguration) (shares, lendable int, borrowing *int32) {
	value := func(p *int32, otherwise int) int {
		if p == nil {
			return otherwise
		}
		return int(*p)
	}
	switch {
	case l.Spec.Exempt != nil:
		return value(l.Spec.Exempt.NominalConcurrencyShares, 0), value(l.Spec.Exempt.LendablePercent, 0), nil
	case l.Spec.Limited != nil:
		return value(l.Spec.Limited.NominalConcurrencyShares, 30), value(l.Spec.Limited.LendablePercent, 0), l.Spec.Limited.BorrowingLimitPercent
	}
	return 0, 0, nil
}

// A usage is what a level has and takes.
type usage struct {
	Seats
	inUse int
}

// fits says whether a level may take more seats. What it does not lend is always
// there for it. Beyond that the seats must be free: neither taken nor kept for
// a level that does not lend them.
func fits(levels []*level, of *level, more, total int) bool {
	u := of.usage
	switch {
	case u.inUse+more <= u.Nominal-u.Lendable:
		return true
	case u.inUse+more > u.Nominal+u.Borrowable:
		return false
	}
	committed := more
	for _, l := range levels {
		if !l.exempt {
			committed += max(l.inUse, l.Nominal-l.Lendable)
		}
	}
	if kept := u.Nominal - u.Lendable; u.inUse < kept {
		committed -= kept - u.inUse // some of what it takes is its own
	}
	return committed <= total
}
