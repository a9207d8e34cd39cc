package cluster

import (
	"net/http"

	"github.com/coracle-k8s/coracle/store"
)

// SnapshotPath is where an API server gives a snapshot of its store to those who
// may GET it: nobody but system:masters, unless a role says so.
const SnapshotPath = "/coracle/snapshot"

// snapshots serves [SnapshotPath] over a store.
func snapshots(st store.Store) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		source, ok := st.(store.Snapshotter)
		switch {
		case r.Method != http.MethodGet:
			http.Error(w, "only GET is allowed", http.StatusMethodNotAllowed)
		case !ok:
			http.Error(w, "this store has no snapshots: etcd has its own, a store in memory none", http.StatusNotImplemented)
		default:
			w.Header().Set("Content-Type", "application/octet-stream")
			if source.Snapshot(w) != nil {
				// The status is sent already. Cutting the connection tells the
				// client, and the checksum at the end would be missing.
				panic(http.ErrAbortHandler)
			}
		}
	})
}
