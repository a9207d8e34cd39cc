package aggregator

import (
	"net/http"
	"net/http/httputil"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
)

// ServeHTTP passes a request, which is authenticated and authorized, on to the
// backend.
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user := apiserver.UserFrom(r.Context())
	switch {
	case !b.available.Load():
		http.Error(w, "service unavailable", http.StatusServiceUnavailable)
		return
	case b.bad != nil:
		http.Error(w, b.bad.Error(), http.StatusInternalServerError)
		return
	case user == nil:
		http.Error(w, "missing user", http.StatusInternalServerError)
		return
	}
	host, err := b.endpoint(r.Context())
	if err != nil {
		b.opts.Logger.Warn("a request cannot be passed on", "apiservice", b.name, "err", err)
		http.Error(w, "service unavailable", http.StatusServiceUnavailable)
		return
	}
	b.forward(w, r, host, user)
}

// forward passes a request on to a host, upgrades included, as a user's.
func (b *backend) forward(w http.ResponseWriter, r *http.Request, host string, user *apiserver.User) {
	transport := http.RoundTripper(b.plain)
	if r.Header.Get("Upgrade") != "" {
		transport = b.upgrading
	}
	proxy := &httputil.ReverseProxy{
		Transport:     transport,
		FlushInterval: -1,
		Rewrite: func(out *httputil.ProxyRequest) {
			out.Out.URL.Scheme, out.Out.URL.Host = "https", host
			out.Out.Host = host
			out.SetXForwarded()
			out.Out.Header.Set("X-Forwarded-Uri", r.URL.Path)
			auth.SetRemoteUser(out.Out.Header, user)
		},
		ModifyResponse: func(answer *http.Response) error {
			if w.Header().Get(auditv1.HeaderAuditID) != "" {
				answer.Header.Del(auditv1.HeaderAuditID) // it has the one that it was sent
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "error trying to reach service: "+err.Error(), http.StatusServiceUnavailable)
		},
	}
	proxy.ServeHTTP(w, r)
}
