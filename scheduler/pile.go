package scheduler

import "time"

// A pile is a heap of pods: what is least by its order is on top. Its methods
// are for package container/heap. Each pod knows its place, so that it can be
// moved and removed.
type pile struct {
	items []*queued
	less  func(a, b *queued) bool
}

// moreUrgent is the order of those that can be tried now.
func (item *queued) moreUrgent(other *queued) bool {
	if a, b := priority(item.pod), priority(other.pod); a != b {
		return a > b
	}
	return item.order < other.order
}

// sooner is the order of those that wait.
func (item *queued) sooner(other *queued) bool {
	if a, b := item.at(), other.at(); !a.Equal(b) {
		return a.Before(b)
	}
	return item.order < other.order
}

// at is when a pod that waits is tried again.
func (item *queued) at() time.Time {
	if item.helped {
		return item.readyAt
	}
	return item.giveUp
}

// Len implements heap.Interface.
func (p *pile) Len() int { return len(p.items) }

// Less implements heap.Interface.
func (p *pile) Less(i, j int) bool { return p.less(p.items[i], p.items[j]) }

// Swap implements heap.Interface.
func (p *pile) Swap(i, j int) {
	p.items[i], p.items[j] = p.items[j], p.items[i]
	p.items[i].index, p.items[j].index = i, j
}

// Push implements heap.Interface.
func (p *pile) Push(x any) {
	item := x.(*queued)
	item.in, item.index = p, len(p.items)
	p.items = append(p.items, item)
}

// Pop implements heap.Interface.
func (p *pile) Pop() any {
	last := len(p.items) - 1
	item := p.items[last]
	p.items[last] = nil
	p.items = p.items[:last]
	item.in = nil
	return item
}
