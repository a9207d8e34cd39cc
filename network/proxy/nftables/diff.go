package nftables

import (
	"maps"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/knftables"
)

// diff puts into the transaction what turns old into wanted; old is nil for an
// empty frame. The order matters to the kernel: nothing may refer to what is not
// there yet, and nothing may go that is still referred to.
func diff(tx *knftables.Transaction, old, wanted *rules) {
	if old == nil {
		old = &rules{}
	}
	for _, set := range slices.Sorted(maps.Keys(wanted.sticky)) {
		if _, ok := old.sticky[set]; !ok {
			tx.Add(stickySet(set, wanted.sticky[set]))
		}
	}
	for _, chain := range slices.Sorted(maps.Keys(wanted.chains)) {
		if _, ok := old.chains[chain]; !ok {
			tx.Add(&knftables.Chain{Name: chain})
		}
	}
	for _, chain := range slices.Sorted(maps.Keys(wanted.chains)) {
		before, ok := old.chains[chain]
		if ok && slices.Equal(before, wanted.chains[chain]) {
			continue
		}
		if ok {
			tx.Flush(&knftables.Chain{Name: chain})
		}
		for _, rule := range wanted.chains[chain] {
			tx.Add(&knftables.Rule{Chain: chain, Rule: rule})
		}
	}
	diffElements(tx, old.elements, wanted.elements)

	gone := slices.DeleteFunc(slices.Sorted(maps.Keys(old.chains)), func(chain string) bool {
		_, stays := wanted.chains[chain]
		return stays
	})
	for _, chain := range gone {
		tx.Flush(&knftables.Chain{Name: chain})
	}
	for _, chain := range gone {
		tx.Delete(&knftables.Chain{Name: chain})
	}
	for _, set := range slices.Sorted(maps.Keys(old.sticky)) {
		if _, stays := wanted.sticky[set]; !stays {
			tx.Delete(&knftables.Set{Name: set})
		}
	}
}

func diffElements(tx *knftables.Transaction, old, wanted map[element]string) {
	for _, e := range sorted(old) {
		if wanted[e] != old[e] {
			tx.Delete(e.knftables(old[e]))
		}
	}
	for _, e := range sorted(wanted) {
		if wanted[e] != old[e] {
			tx.Add(e.knftables(wanted[e]))
		}
	}
}

func sorted(elements map[element]string) []element {
	return slices.SortedFunc(maps.Keys(elements), func(a, b element) int {
		return strings.Compare(a.in+a.key, b.in+b.key)
	})
}

func (e element) knftables(verdict string) *knftables.Element {
	return &knftables.Element{Map: e.in, Key: strings.Split(e.key, " . "), Value: []string{verdict}}
}

func stickySet(name string, timeout time.Duration) *knftables.Set {
	return &knftables.Set{
		Name: name, Type: "ipv4_addr",
		Flags:   []knftables.SetFlag{knftables.DynamicFlag, knftables.TimeoutFlag},
		Timeout: knftables.PtrTo(max(timeout, time.Second)),
	}
}
