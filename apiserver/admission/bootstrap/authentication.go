package bootstrap

import (
	"context"
	"encoding/json"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// A FrontProxy is who may speak for others: a server in front of this one, or of
// one behind it, that has found out who asks and says so in headers.
type FrontProxy struct {
	// CA holds, in PEM, the authorities that sign its certificates, Names what
	// its certificate may be called; none means anything.
	CA    []byte
	Names []string
	// The headers in which it says who asks. Nil means X-Remote-User,
	// X-Remote-Uid, X-Remote-Group and X-Remote-Extra-.
	UserHeaders, UIDHeaders, GroupHeaders, ExtraPrefixes []string
}

// authenticationConfig tells extension servers whom to believe. They find it in
// kube-system/extension-apiserver-authentication.
func (b Bootstrap) authenticationConfig(ctx context.Context) error {
	data := map[string]string{}
	if len(b.ClientCA) > 0 {
		data["client-ca-file"] = string(b.ClientCA)
	}
	if p := b.FrontProxy; p != nil {
		list := func(key string, names []string, otherwise ...string) {
			if names == nil {
				names = otherwise
			}
			text, _ := json.Marshal(names) // strings always can be
			data[key] = string(text)
		}
		data["requestheader-client-ca-file"] = string(p.CA)
		list("requestheader-allowed-names", p.Names, []string{}...)
		list("requestheader-username-headers", p.UserHeaders, "X-Remote-User")
		list("requestheader-uid-headers", p.UIDHeaders, "X-Remote-Uid")
		list("requestheader-group-headers", p.GroupHeaders, "X-Remote-Group")
		list("requestheader-extra-headers-prefix", p.ExtraPrefixes, "X-Remote-Extra-")
	}
	if len(data) == 0 {
		return nil
	}
	err := typed.Ensure(ctx, b.Objects, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: "extension-apiserver-authentication"},
		Data:       data,
	}, func(have *corev1.ConfigMap) error {
		if have.Data == nil {
			have.Data = map[string]string{}
		}
		maps.Copy(have.Data, data)
		return nil
	})
	return wrap("config map kube-system/extension-apiserver-authentication", err)
}
