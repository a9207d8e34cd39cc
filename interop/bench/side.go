package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/coracle-k8s/coracle/interop/store/programs"
	"github.com/coracle-k8s/coracle/pki"
)

const (
	// namespace is where the pods are.
	namespace = "bench"
	// patience is how long a server may take until it is ready.
	patience = time.Minute
)

// A side is one of the servers that are compared, with its clients.
type side struct {
	options
	name     string
	programs []*programs.Program // the API server first
	clients  []*kubernetes.Clientset
	ready    time.Duration // from its start until it was
	patches  int64         // how many status patches it had, so that each is another
}

// openKube starts etcd and kube-apiserver.
func openKube(ctx context.Context, o options, dir string) (*side, error) {
	if o.server == "coracle" {
		return nil, nil
	}
	trust, err := pki.Open(filepath.Join(dir, "pki"))
	if err != nil {
		return nil, err
	}
	etcd, err := programs.Etcd(dir, o.log())
	if err != nil {
		return nil, err
	}
	server, err := programs.KubeAPIServer(dir, etcd, trust, o.log(), "--etcd-compaction-interval", "5m")
	if err != nil {
		return nil, err
	}
	return o.open(ctx, "kube-apiserver + etcd", trust, server, etcd)
}

// openCoracle starts our API server.
func openCoracle(ctx context.Context, o options, dir string) (*side, error) {
	if o.server == "kube-apiserver" {
		return nil, nil
	}
	trust, err := pki.Open(filepath.Join(dir, "pki"))
	if err != nil {
		return nil, err
	}
	server, err := programs.CoracleAPI(dir, o.log())
	if err != nil {
		return nil, err
	}
	return o.open(ctx, "coracle", trust, server)
}

func (o options) log() io.Writer {
	if o.verbose {
		return os.Stderr
	}
	return io.Discard
}

// open starts the programs, the last first, waits until the API is ready, and makes
// what all pods need.
func (o options) open(ctx context.Context, name string, trust *pki.PKI, server *programs.Program, more ...*programs.Program) (s *side, err error) {
	s = &side{options: o, name: name, programs: append([]*programs.Program{server}, more...)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", name, err), s.stop())
		}
	}()
	if err := s.dial(trust); err != nil {
		return nil, err
	}
	begin := time.Now()
	for i := len(s.programs) - 1; i >= 0; i-- {
		if err := s.programs[i].Start(); err != nil {
			return nil, err
		}
	}
	if err := s.awaitReady(ctx); err != nil {
		return nil, err
	}
	s.ready = time.Since(begin)
	return s, s.prepare(ctx)
}

// dial makes the clients. A dialer of its own gives each a connection of its own.
func (s *side) dial(trust *pki.PKI) error {
	kubeconfig, err := trust.Kubeconfig(pki.Kubeconfig{
		Server: "https://" + s.programs[0].Address, User: pki.UserAdmin, Groups: []string{pki.GroupMasters},
	})
	if err != nil {
		return err
	}
	for range s.options.clients {
		config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
		if err != nil {
			return err
		}
		config.Dial = (&net.Dialer{}).DialContext
		config.QPS = -1
		config.ContentType = runtime.ContentTypeProtobuf
		config.AcceptContentTypes = runtime.ContentTypeProtobuf
		config.UserAgent = "bench"
		config.DisableCompression = s.plain
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			return err
		}
		s.clients = append(s.clients, client)
	}
	return nil
}

// awaitReady asks for /readyz until that is 200.
func (s *side) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := s.clients[0].RESTClient().Get().AbsPath("/readyz").MaxRetries(0).Do(ctx).Error()
		switch {
		case err == nil:
			return nil
		case !s.programs[0].Running():
			return errors.New("it ended when it should start; see why with -v")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it is not ready: %w", err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// prepare makes the namespace and the service account of the pods, which
// otherwise a controller makes.
func (s *side) prepare(ctx context.Context) error {
	core := s.clients[0].CoreV1()
	_, err := core.Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: namespace}}
	if _, err = core.ServiceAccounts(namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return err
	}
	for _, c := range s.clients { // connect before a clock runs
		if _, err := c.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// stop ends the programs, the API server first.
func (s *side) stop() error {
	var errs []error
	for _, p := range s.programs {
		errs = append(errs, p.Kill()) // their data goes, too
	}
	return errors.Join(errs...)
}

// pause keeps the programs from running until resume: what a server does behind its
// clients' backs is not to cost the other one time.
func (s *side) pause() error { return s.each((*programs.Program).Pause) }

func (s *side) resume() error { return s.each((*programs.Program).Resume) }

func (s *side) each(do func(*programs.Program) error) error {
	var errs []error
	for _, p := range s.programs {
		errs = append(errs, do(p))
	}
	return errors.Join(errs...)
}

// cpu is the processor time that all programs of the side have had.
func (s *side) cpu() (time.Duration, error) {
	var sum time.Duration
	for _, p := range s.programs {
		used, err := p.CPU()
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// rest returns a client's way to the pods.
func (s *side) rest(client int) rest.Interface { return s.clients[client].CoreV1().RESTClient() }
