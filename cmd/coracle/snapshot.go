package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/boltstore"
)

// ahead is by how much a restored store's revision is raised: more than anybody
// writes between a snapshot and its restoring, so that no client takes a new
// revision for one it has seen.
const ahead = 1_000_000_000

// snapshotCommand is `coracle snapshot`.
func snapshotCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "snapshot", GroupID: "tool",
		Short: "Save, restore and check the cluster's state",
	}
	cmd.AddCommand(snapshotSave(), snapshotRestore(), snapshotStatus())
	return cmd
}

func snapshotSave() *cobra.Command {
	var dataDir, kubeconfig string
	cmd := &cobra.Command{
		Use:   "save FILE",
		Short: "Save the state of a cluster",
		Long: `Save the state of a cluster to a file: of one that runs through its API, of one
that does not from its data directory.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if kubeconfig == "" {
				kubeconfig = filepath.Join(dataDir, "kubeconfig")
			}
			st, err := boltstore.Open(storeFile(dataDir), boltstore.Options{LockTimeout: time.Millisecond})
			if errors.Is(err, boltstore.ErrLocked) {
				return saveSnapshot(runningCluster{cmd.Context(), kubeconfig}, args[0])
			}
			if err != nil {
				return err
			}
			return errors.Join(saveSnapshot(st, args[0]), st.Close())
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", defaultDataDir(), "directory of the cluster's state")
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the cluster if it runs (default DATA-DIR/kubeconfig)")
	return cmd
}

// A runningCluster gives snapshots through its API.
type runningCluster struct {
	ctx        context.Context
	kubeconfig string
}

// Snapshot implements store.Snapshotter.
func (c runningCluster) Snapshot(w io.Writer) error {
	transport, base, err := client.FromKubeconfigTransport(c.kubeconfig)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(c.ctx, http.MethodGet, base+cluster.SnapshotPath, nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("the API server says %s: %s", resp.Status, text)
	}
	_, err = io.Copy(w, resp.Body)
	return err
}

func snapshotRestore() *cobra.Command {
	var dataDir string
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a snapshot in the place of a cluster's state",
		Long: `Put a snapshot in the place of the state of a cluster that is not running. The
present state is kept beside it, under the name store.db.before-restore.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return replaceStore(args[0], storeFile(dataDir))
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", defaultDataDir(), "directory of the cluster's state")
	return cmd
}

func snapshotStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status FILE",
		Short: "Check a snapshot, or the state of a cluster that is not running",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := boltstore.Status(args[0])
			if err != nil {
				return err
			}
			out := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 3, ' ', 0)
			fmt.Fprintln(out, "HASH\tREVISION\tKEYS\tSIZE")
			fmt.Fprintf(out, "%.16s\t%d\t%d\t%.1f MB\n", fmt.Sprint(report.Hash), report.Revision, report.Keys, float64(report.Size)/1e6)
			return out.Flush()
		},
	}
}

func storeFile(dataDir string) string { return filepath.Join(dataDir, "store.db") }

// saveSnapshot writes a snapshot to a file, which is there whole or not at all.
func saveSnapshot(st store.Snapshotter, path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*")
	if err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	err = st.Snapshot(f)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		_, err = boltstore.Status(f.Name()) // What cannot be restored is no snapshot.
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("save snapshot %s: %w", path, err)
	}
	return nil
}

// replaceStore puts a snapshot in the place of a data file that nobody has open.
func replaceStore(snapshot, data string) error {
	if _, err := boltstore.Status(snapshot); err != nil {
		return err
	}
	before := data + ".before-restore"
	if err := boltstore.Rename(data, before); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("restore %s: %w", snapshot, err)
	}
	if err := boltstore.RestoreAhead(snapshot, data, ahead); err != nil {
		return errors.Join(err, boltstore.Rename(before, data))
	}
	return nil
}

// save saves the state of the running cluster.
func (up *running) save(file string) error {
	st, ok := up.Store().(store.Snapshotter)
	if !ok {
		return errors.New("this store has no snapshots")
	}
	return saveSnapshot(st, file)
}

// restore puts a snapshot in the place of the running cluster's state.
func (up *running) restore(ctx context.Context, file string) error {
	return up.Restore(ctx, func(old store.Store) (store.Store, error) {
		if err := old.Close(); err != nil {
			return nil, err
		}
		path := up.store.Path()
		if err := replaceStore(file, path); err != nil {
			return nil, err
		}
		st, err := boltstore.Open(path, boltstore.Options{})
		if err == nil {
			up.store = st
		}
		return st, err
	})
}
