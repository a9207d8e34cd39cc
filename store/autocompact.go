package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// AutoCompact forgets the history of s that is older than keep, looking at it
// once in every. It blocks until ctx ends, and then returns nil; the error of a
// compaction that failed ends it too. A compaction by somebody else is welcome.
//
// Both durations must be positive. What is kept is between keep and keep plus
// every; reads and watches that start further back fail with [ErrCompacted].
// Kubernetes' API server does this every five minutes
// (--etcd-compaction-interval), with the revision of five minutes ago.
func AutoCompact(ctx context.Context, s Store, every, keep time.Duration) error {
	if every <= 0 || keep <= 0 {
		return fmt.Errorf("compact every %v what is older than %v: durations must be positive", every, keep)
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var seen sightings
	for {
		if err := seen.compact(ctx, s, keep); err != nil && ctx.Err() == nil {
			return fmt.Errorf("compact the store: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// sightings are revisions with the time when they were current, oldest first.
// Revisions do not tell the time, so that is how to know what is old.
type sightings []sighting

type sighting struct {
	at       time.Time
	revision int64
}

// compact notes the current revision, and compacts to the last one that was
// seen at least keep ago.
func (s *sightings) compact(ctx context.Context, st Store, keep time.Duration) error {
	revision, err := st.Revision(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	*s = append(*s, sighting{now, revision})
	old := 0 // how many are old enough
	for old < len(*s) && now.Sub((*s)[old].at) >= keep {
		old++
	}
	if old == 0 {
		return nil
	}
	target := (*s)[old-1].revision
	*s = (*s)[old:]
	if err := st.Compact(ctx, target); err != nil && !errors.Is(err, ErrCompacted) {
		return err
	}
	return nil
}
