package bootstrap

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// identityLabel marks the leases of API servers.
const identityLabel = "apiserver.kubernetes.io/identity"

// identitySeconds is how long a server counts as alive that says nothing.
const identitySeconds = 3600

// Identity returns the name of the lease of the server on a host.
func Identity(host string) string {
	var data []byte
	for _, part := range []string{host, "kube-apiserver"} {
		data = append(binary.BigEndian.AppendUint16(data, uint16(len(part))), part...)
	}
	sum := sha256.Sum256(data)
	return "apiserver-" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// identity renews the lease by which servers of one cluster know of each other.
func (b Bootstrap) identity(ctx context.Context) error {
	if b.Host == "" {
		return nil
	}
	name, now, seconds := Identity(b.Host), metav1.NowMicro(), int32(identitySeconds)
	holder := name + "_" + b.Instance
	spec := coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: &seconds, RenewTime: &now}
	labels := map[string]string{identityLabel: "kube-apiserver", corev1.LabelHostname: b.Host}
	err := typed.Ensure(ctx, b.Objects, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: name, Labels: labels},
		Spec:       spec,
	}, func(have *coordinationv1.Lease) error {
		have.Labels, have.Spec = labels, spec
		return nil
	})
	return wrap("lease kube-system/"+name, err)
}
