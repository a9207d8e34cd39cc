package certificates

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// How long a request stays: once there is an answer, and while there is none.
const (
	settledLife = time.Hour
	pendingLife = 24 * time.Hour
)

// NewCleaner returns the controller that deletes requests nobody needs any more.
func NewCleaner(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller {
	requests := client.Shared[*certificatesv1.CertificateSigningRequest](informers)
	write := client.For[*certificatesv1.CertificateSigningRequest](c)
	clean := func(ctx context.Context, key controller.Key) (controller.Result, error) {
		csr, ok := requests.Get("", key.Name)
		if !ok {
			return controller.Result{}, nil
		}
		if left := time.Until(endOf(csr)); left > 0 {
			return controller.Result{RequeueAfter: left}, nil
		}
		err := write.Delete(ctx, "", key.Name)
		if apierrors.IsNotFound(err) {
			err = nil
		}
		return controller.Result{}, err
	}
	ctl := controller.New("certificatesigningrequest-cleaner", controller.ReconcilerFunc(clean), opts)
	controller.Watch(ctl, requests, controller.Self)
	return ctl
}

// endOf returns when a request is to be deleted.
func endOf(csr *certificatesv1.CertificateSigningRequest) time.Time {
	issued := len(csr.Status.Certificate) > 0
	end := csr.CreationTimestamp.Add(pendingLife)
	for _, c := range csr.Status.Conditions {
		switch {
		case c.Type == certificatesv1.CertificateDenied, c.Type == certificatesv1.CertificateFailed,
			c.Type == certificatesv1.CertificateApproved && issued:
			return earlier(c.LastUpdateTime.Add(settledLife), expiry(csr.Status.Certificate))
		case c.Type == certificatesv1.CertificateApproved:
			end = c.LastUpdateTime.Add(pendingLife)
		}
	}
	return end
}

// expiry returns when a certificate ends; zero if there is none.
func expiry(certificate []byte) time.Time {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return time.Time{}
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}
	}
	return cert.NotAfter
}

func earlier(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
