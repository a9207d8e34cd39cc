package apiserver

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
)

// CheckCache errs if an object in the cache is not what is stored: somebody has
// changed one, which all others read, too.
func (s *Storage) CheckCache(ctx context.Context) error {
	s.cache.mu.RLock()
	defer s.cache.mu.RUnlock()
	for r, col := range s.cache.collections {
		for _, e := range col.entries.entries {
			if e.empty() {
				continue
			}
			was, _, err := s.store.Get(ctx, col.prefix+e.key, e.revision)
			if err != nil {
				continue // compacted
			}
			fresh, err := s.decode(ctx, r, was)
			if err != nil {
				return err
			}
			if !equality.Semantic.DeepEqual(fresh, e.object()) {
				return fmt.Errorf("%s %s in the cache was changed: it is\n%+v\nand was stored as\n%+v", r.Plural, e.key, e.object(), fresh)
			}
		}
	}
	return nil
}
