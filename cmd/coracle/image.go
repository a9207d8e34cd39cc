package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/runtime/image"
)

// imageCommand is `coracle image`: the nodes' image store, by hand. A cluster
// that runs sees the changes at once.
func imageCommand() *cobra.Command {
	var dataDir string
	cmd := &cobra.Command{
		Use: "image", GroupID: "tool",
		Short: "Build, load and list the images that nodes can run",
	}
	cmd.PersistentFlags().StringVar(&dataDir, "data-dir", defaultDataDir(), "directory of the cluster's state")
	open := func() (*image.Store, error) {
		return image.Open(cluster.MachineConfig{Dir: dataDir}.ImageDir(), image.Options{})
	}
	cmd.AddCommand(imageBuild(open), imageLoad(open), imagePull(open), imageList(open), imageRemove(open))
	return cmd
}

func imageBuild(open func() (*image.Store, error)) *cobra.Command {
	var tag, user string
	var vars []string
	cmd := &cobra.Command{
		Use:   "build PACKAGE -t NAME",
		Short: "Compile a Go program and pack it into an image, without Docker or a registry",
		Long: `Compile a Go main package statically and pack it into an OCI image with nothing
else in it but a few files that every program expects. No Docker, no registry.

Variables of the program can be set, as with go build -ldflags -X:

    coracle image build ./examples/demo/app -t demo:v2 --set main.version=v2`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			build := image.GoBuild{Package: args[0], User: user}
			var err error
			if build.Vars, err = assignments(vars, tag); err != nil {
				return err
			}
			store, err := open()
			if err != nil {
				return err
			}
			say := narrator{cmd.OutOrStdout()}
			return say.step("built "+tag, func() error {
				img, err := image.BuildGo(cmd.Context(), build)
				if err != nil {
					return err
				}
				_, err = store.Add(cmd.Context(), img, tag)
				return err
			})
		},
	}
	cmd.Flags().StringVarP(&tag, "tag", "t", "", "name of the image")
	cmd.Flags().StringVar(&user, "user", "", "user that runs the program (default root)")
	cmd.Flags().StringArrayVar(&vars, "set", nil, "variable to set, as package.name=value (default main.version=TAG)")
	cmd.MarkFlagRequired("tag")
	return cmd
}

// assignments parses --set flags. Without any, the image's tag is its version.
func assignments(flags []string, tag string) (map[string]string, error) {
	out := map[string]string{}
	for _, f := range flags {
		name, value, ok := strings.Cut(f, "=")
		if !ok {
			return nil, fmt.Errorf("--set %s: want package.name=value", f)
		}
		out[name] = value
	}
	if i := strings.LastIndex(tag, ":"); len(flags) == 0 && i > strings.LastIndex(tag, "/") {
		out["main.version"] = tag[i+1:]
	}
	return out, nil
}

func imageLoad(open func() (*image.Store, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "load ARCHIVE",
		Short: "Load the images of a docker or OCI archive",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := open()
			if err != nil {
				return err
			}
			loaded, err := store.Load(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return printImages(cmd.OutOrStdout(), loaded)
		},
	}
}

func imagePull(open func() (*image.Store, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "pull NAME",
		Short: "Fetch an image from its registry",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := open()
			if err != nil {
				return err
			}
			return narrator{cmd.OutOrStdout()}.step("pulled "+args[0], func() error {
				_, err := store.Pull(cmd.Context(), args[0], nil)
				return err
			})
		},
	}
}

func imageList(open func() (*image.Store, error)) *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"},
		Short: "List the images",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := open()
			if err != nil {
				return err
			}
			images, err := store.List()
			if err != nil {
				return err
			}
			return printImages(cmd.OutOrStdout(), images)
		},
	}
}

func imageRemove(open func() (*image.Store, error)) *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME...", Aliases: []string{"rm"},
		Short: "Remove images",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			store, err := open()
			if err != nil {
				return err
			}
			for _, name := range args {
				if err := store.Remove(name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func printImages(w io.Writer, images []image.Image) error {
	out := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(out, "NAME\tID\tSIZE")
	for _, img := range images {
		for _, name := range img.Tags {
			fmt.Fprintf(out, "%s\t%.19s\t%.1f MB\n", name, img.ID, float64(img.Size)/1e6)
		}
	}
	return out.Flush()
}
