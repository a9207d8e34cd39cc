//go:build linux

package bundle

import (
	"fmt"
	"os"
	"path"
	"strings"
	"unicode/utf8"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// defaultPath is the PATH of a container whose image names none.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func (in Input) process() (*specs.Process, error) {
	args, err := in.args()
	if err != nil {
		return nil, err
	}
	env, err := in.env()
	if err != nil {
		return nil, err
	}
	cwd, err := in.workingDir()
	if err != nil {
		return nil, err
	}
	caps, err := in.capabilities()
	if err != nil {
		return nil, err
	}
	security := in.Container.GetLinux().GetSecurityContext()
	p := &specs.Process{
		Terminal: in.Container.GetTty(), Args: args, Env: env, Cwd: cwd,
		User:            specs.User{UID: in.User.UID, GID: in.User.GID, AdditionalGids: in.User.Groups},
		Capabilities:    caps,
		NoNewPrivileges: security.GetNoNewPrivs() && !security.GetPrivileged(),
	}
	if r := in.Container.GetLinux().GetResources(); r != nil {
		adj := int(r.OomScoreAdj)
		p.OOMScoreAdj = &adj
	}
	return p, nil
}

// args joins the image's and the request's command as Kubernetes documents it:
// a command replaces the image's entrypoint and its arguments, arguments replace
// the image's arguments only.
func (in Input) args() ([]string, error) {
	command, args := in.Container.GetCommand(), in.Container.GetArgs()
	if len(command) == 0 {
		command = in.Image.Entrypoint
		if len(args) == 0 {
			args = in.Image.Cmd
		}
	}
	all := append(append([]string{}, command...), args...)
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: no command: neither the container nor its image names one", ErrInvalid)
	}
	return all, nil
}

// env joins the environments; the request's variables win.
func (in Input) env() ([]string, error) {
	var order []string
	values := map[string]string{}
	set := func(name, value string) {
		if _, ok := values[name]; !ok {
			order = append(order, name)
		}
		values[name] = value
	}
	set("PATH", defaultPath)
	if in.Container.GetTty() {
		set("TERM", "xterm")
	}
	if name := hostname(in); name != "" {
		set("HOSTNAME", name)
	}
	for _, pair := range in.Image.Env {
		name, value, _ := strings.Cut(pair, "=")
		set(name, value)
	}
	for _, kv := range in.Container.GetEnvs() {
		name, value := kv.GetKey(), string(kv.GetValue())
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("%w: environment variable %q", ErrInvalid, name)
		}
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return nil, fmt.Errorf("%w: environment variable %q is not UTF-8, which the OCI runtime specification needs", ErrUnsupported, name)
		}
		set(name, value)
	}
	env := make([]string, len(order))
	for i, name := range order {
		env[i] = name + "=" + values[name]
	}
	return env, nil
}

func hostname(in Input) string {
	if name := in.Sandbox.GetHostname(); name != "" {
		return name
	}
	name, _ := os.Hostname()
	return name
}

func (in Input) workingDir() (string, error) {
	dir := in.Container.GetWorkingDir()
	if dir == "" {
		dir = in.Image.WorkingDir
	}
	if dir == "" {
		return "/", nil
	}
	if !path.IsAbs(dir) {
		return "", fmt.Errorf("%w: working directory %q is not absolute", ErrInvalid, dir)
	}
	return path.Clean(dir), nil
}
