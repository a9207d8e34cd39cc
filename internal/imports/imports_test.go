package imports_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/coracle-k8s/coracle/"

// A rule says what the packages of some paths must not import, directly. Paths
// are within the module; of other modules if they have a dot in their first
// element; and of the standard library with "std:" before them. A path covers all
// that is below it.
type rule struct {
	who    []string
	mayNot []string
	except []string // allowed in spite of mayNot
	why    string
}

var components = []string{"apiserver", "controller", "scheduler", "kubelet", "network"}

var rules = []rule{
	{
		who: []string{"apiserver"}, mayNot: slices.Concat(others("apiserver"), []string{"client", "runtime", "cluster"}),
		why: "the API server calls nobody: it answers, and reaches nodes through an http.RoundTripper that it is given",
	},
	{
		who: []string{"controller"}, mayNot: slices.Concat(others("controller"), []string{"store", "runtime", "cluster"}),
		why: "a controller meets the other parts at the API server only, so it also runs against a real one",
	},
	{
		who: []string{"scheduler"}, mayNot: slices.Concat(others("scheduler"), []string{"store", "runtime", "cluster"}),
		why: "the scheduler meets the other parts at the API server only, so it also runs against a real one",
	},
	{
		who: []string{"kubelet"}, mayNot: slices.Concat(others("kubelet"), []string{"store", "cluster"}),
		why: "the kubelet meets the other parts at the API server only, so it also runs against a real one",
	},
	{
		who: []string{"network"}, mayNot: slices.Concat(others("network"), []string{"store", "runtime", "cluster"}),
		why: "proxy and DNS meet the other parts at the API server only, so they also run against a real one",
	},
	{
		who: []string{"kubelet"}, mayNot: []string{"runtime/runc", "runtime/goroutine", "runtime/image", "runtime/criserver"},
		why: "the kubelet knows the CRI contract, not a runtime: containerd can take its place",
	},
	{
		who: []string{"store"}, mayNot: []string{"api", "client", "apiserver", "controller", "scheduler", "kubelet", "network", "runtime", "cluster", "pki", "k8s.io"},
		why: "the store keeps bytes under keys and knows nothing of objects",
	},
	{
		who:    []string{"runtime"},
		mayNot: []string{"api", "client", "apiserver", "controller", "scheduler", "kubelet", "network", "store", "cluster", "k8s.io"},
		except: []string{"k8s.io/cri-api", "k8s.io/cri-streaming", "k8s.io/streaming"},
		why:    "a runtime knows the CRI and nothing of the objects that the kubelet makes containers of",
	},
	{
		who: []string{"client"}, mayNot: slices.Concat(components, []string{"store", "runtime", "cluster", "pki"}),
		why: "the client is what everybody else stands on, and programs of others use it alone",
	},
	{
		who: []string{"api"}, mayNot: slices.Concat(components, []string{"client", "store", "runtime", "cluster", "pki"}),
		why: "the kinds are the bottom of the house",
	},
	{
		who:    []string{"network/bridge", "network/fabric", "network/hostport", "network/ipam", "network/netns"},
		mayNot: []string{"api", "client", "k8s.io"},
		why:    "links and routes have nothing to do with objects",
	},
	{
		who:    []string{"scheduler/plugins", "kubelet/podsync"},
		mayNot: []string{"std:net/http", "std:os"},
		why:    "these decide, over values; who carries it out is elsewhere",
	},
	{
		who: append([]string{"api", "client", "store", "runtime", "pki", "cluster"}, components...), mayNot: []string{"cmd", "examples"},
		why: "programs stand on the packages, not the other way round",
	},
	{
		who: append([]string{"api", "client", "store", "runtime", "pki", "cmd"}, components...), mayNot: []string{"cluster/clustertest", "internal/apitest", "std:testing"},
		except: []string{"cluster"},
		why:    "what is for tests stays out of programs",
	},
}

// others are the components without one.
func others(one string) []string {
	return slices.DeleteFunc(slices.Clone(components), func(c string) bool { return c == one })
}

// kits grade implementations and take a *testing.T, so they import testing.
func kit(path string) bool {
	return strings.HasSuffix(path, "test") || strings.Contains(path, "test/")
}

// systems are those whose builds are looked at: the files differ.
var systems = []string{"linux", "darwin", "windows"}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, system := range systems {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			packages := list(t, system, "./...")
			require.Greater(t, len(packages), 40, "go list found too little to judge")
			for _, p := range packages {
				for _, broken := range judge(p) {
					t.Error(broken)
				}
			}
		})
	}
}

// judge returns what is wrong with a package's imports.
func judge(p pkg) []string {
	path, ours := strings.CutPrefix(p.ImportPath, module)
	if !ours || kit(path) {
		return nil
	}
	var out []string
	for _, r := range rules {
		if !slices.ContainsFunc(r.who, func(w string) bool { return below(path, w) }) {
			continue
		}
		for _, imported := range p.Imports {
			name := nameOf(imported)
			if covers(r.mayNot, name) && !covers(r.except, name) && !below(name, path) {
				out = append(out, fmt.Sprintf("%s imports %s, but %s", path, name, r.why))
			}
		}
	}
	return out
}

// nameOf returns an import path as rules have it.
func nameOf(path string) string {
	if own, ok := strings.CutPrefix(path, module); ok {
		return own
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return "std:" + path
	}
	return path
}

func covers(paths []string, name string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { return below(name, p) })
}

// below reports whether path is dir or in it.
func below(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

// The test of the test: rules that nothing can break protect nothing.
func TestJudge(t *testing.T) {
	t.Parallel()
	broken := judge(pkg{ImportPath: module + "scheduler/plugins", Imports: []string{"fmt", module + "kubelet/podsync", module + "client"}})
	require.Equal(t, []string{"scheduler/plugins imports kubelet/podsync, but " +
		"the scheduler meets the other parts at the API server only, so it also runs against a real one"}, broken)
	require.Len(t, judge(pkg{ImportPath: module + "store/memstore", Imports: []string{"k8s.io/api/core/v1"}}), 1)
	require.Len(t, judge(pkg{ImportPath: module + "runtime/runc", Imports: []string{"k8s.io/api/core/v1", "k8s.io/cri-api/pkg/apis/runtime/v1"}}), 1)
	require.Empty(t, judge(pkg{ImportPath: module + "store", Imports: []string{"runtime", "runtime/debug"}}))
	require.Empty(t, judge(pkg{ImportPath: module + "store/storetest", Imports: []string{"testing"}}))
	require.Len(t, judge(pkg{ImportPath: module + "store", Imports: []string{"testing"}}), 1)
}

// taught are the modules that this project shows how to build. They have a place
// in the module interop, which runs the real ones against ours.
var taught = []string{
	"k8s.io/kubernetes", "k8s.io/apiserver", "k8s.io/apiextensions-apiserver", "k8s.io/client-go", "k8s.io/controller-manager",
	"k8s.io/kube-scheduler", "k8s.io/kubelet", "sigs.k8s.io/controller-runtime",
	"github.com/containerd/containerd", "github.com/opencontainers/runc",
}

// libraries are packages of those modules that bring no server along: CEL as
// Kubernetes has it, structural schemas, and the types of audit events.
var libraries = []string{
	"k8s.io/apiserver/pkg/apis/audit",
	"k8s.io/apiserver/pkg/cel", "k8s.io/apiserver/pkg/apis/cel", "k8s.io/apiserver/pkg/warning",
	"k8s.io/apiserver/pkg/features", "k8s.io/apiserver/pkg/util/feature", "k8s.io/apiserver/pkg/util/compatibility",
	"k8s.io/apiserver/pkg/authentication/user", "k8s.io/apiserver/pkg/authentication/serviceaccount",
	"k8s.io/apiserver/pkg/authorization/authorizer",
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions", "k8s.io/apiextensions-apiserver/pkg/features",
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema", "k8s.io/apiextensions-apiserver/pkg/apiserver/validation",
}

func TestImports_nothingThatWeTeach(t *testing.T) {
	t.Parallel()
	all := list(t, "linux", "-deps", "-test", "./...")
	require.Greater(t, len(all), 400, "go list found too little to judge")
	for _, p := range all {
		require.False(t, covers(taught, p.ImportPath) && !covers(libraries, p.ImportPath), "%s is in the main module's build: it is what we show how to build", p.ImportPath)
	}
}

// A pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	Imports    []string
}

// list asks the go command, without network.
func list(t *testing.T, system string, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Imports"}, args...)...)
	cmd.Dir = "../.."
	cmd.Env = append(cmd.Environ(), "GOOS="+system, "GOPROXY=off", "GOFLAGS=-mod=readonly", "CGO_ENABLED=0")
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	require.NoError(t, err, problems.String())
	var packages []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else {
			require.NoError(t, err)
		}
		packages = append(packages, p)
	}
}
