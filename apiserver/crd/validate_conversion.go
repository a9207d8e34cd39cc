package crd

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// judgeConversion judges how versions become each other.
func judgeConversion(d, old *definition, path *field.Path) field.ErrorList {
	c := d.Spec.Conversion
	if c == nil {
		return nil
	}
	errs := judgeEnum(string(c.Strategy), path.Child("strategy"), "None", "Webhook")
	hook, at := c.Webhook, path.Child("webhookClientConfig")
	if c.Strategy != apiextensionsv1.WebhookConverter {
		if hook != nil && hook.ClientConfig != nil {
			errs = append(errs, field.Forbidden(at, "should not be set when strategy is not set to Webhook"))
		}
		if hook != nil && len(hook.ConversionReviewVersions) > 0 {
			errs = append(errs, field.Forbidden(path.Child("conversionReviewVersions"), "should not be set when strategy is not set to Webhook"))
		}
		return errs
	}
	if hook == nil || hook.ClientConfig == nil {
		errs = append(errs, field.Required(at, "required when strategy is set to Webhook"))
	} else {
		errs = append(errs, judgeClient(hook.ClientConfig, at)...)
		if err := readBundle(hook.ClientConfig.CABundle); err != nil && !mayHaveBadBundle(old) {
			errs = append(errs, field.Invalid(at.Child("caBundle"), hook.ClientConfig.CABundle, "unable to load root certificates: "+err.Error()))
		}
	}
	var versions []string
	if hook != nil {
		versions = hook.ConversionReviewVersions
	}
	return append(errs, judgeReviewVersions(versions, path.Child("conversionReviewVersions"))...)
}

// mayHaveBadBundle says whether certificates that cannot be read are put up
// with: until the definition is established, and after that if they were there before.
func mayHaveBadBundle(old *definition) bool {
	if old == nil || !isTrue(old, apiextensionsv1.Established) {
		return true
	}
	c := old.Spec.Conversion
	return c != nil && c.Webhook != nil && c.Webhook.ClientConfig != nil && readBundle(c.Webhook.ClientConfig.CABundle) != nil
}

// readBundle reads certificates in PEM. None at all are fine.
func readBundle(data []byte) error {
	found := len(data) == 0
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) != 0 {
			continue
		}
		if _, err := x509.ParseCertificates(block.Bytes); err != nil {
			return err
		}
		found = true
	}
	if !found {
		return errors.New("data does not contain any valid RSA or ECDSA certificates")
	}
	return nil
}

func judgeReviewVersions(versions []string, path *field.Path) field.ErrorList {
	if len(versions) == 0 {
		return field.ErrorList{field.Required(path, "")}
	}
	var errs field.ErrorList
	for i, v := range versions {
		if slices.Contains(versions[:i], v) {
			errs = append(errs, field.Invalid(path.Index(i), v, "duplicate version"))
			continue
		}
		for _, problem := range validation.IsDNS1035Label(v) {
			errs = append(errs, field.Invalid(path.Index(i), v, problem))
		}
	}
	if !slices.Contains(versions, "v1") && !slices.Contains(versions, "v1beta1") {
		errs = append(errs, field.Invalid(path, versions, "must include at least one of v1, v1beta1"))
	} else if !slices.Contains(versions, "v1") {
		errs = append(errs, field.NotSupported(path, "v1beta1", []string{"v1"}))
	}
	return errs
}

// judgeClient judges how the webhook is reached.
func judgeClient(c *apiextensionsv1.WebhookClientConfig, path *field.Path) field.ErrorList {
	switch {
	case (c.URL == nil) == (c.Service == nil):
		return field.ErrorList{field.Required(path, "exactly one of url or service is required")}
	case c.URL != nil:
		return judgeURL(*c.URL, path.Child("url"))
	default:
		return judgeService(c.Service, path.Child("service"))
	}
}

func judgeURL(text string, path *field.Path) field.ErrorList {
	const form = "; desired format: https://host[/path]"
	u, err := url.Parse(text)
	if err != nil {
		return field.ErrorList{field.Required(path, "url must be a valid URL: "+err.Error()+form)}
	}
	var errs field.ErrorList
	if u.Scheme != "https" {
		errs = append(errs, field.Invalid(path, u.Scheme, "'https' is the only allowed URL scheme"+form))
	}
	if u.Host == "" {
		errs = append(errs, field.Invalid(path, u.Host, "host must be specified"+form))
	}
	if u.User != nil {
		errs = append(errs, field.Invalid(path, u.User.String(), "user information is not permitted in the URL"))
	}
	if u.Fragment != "" {
		errs = append(errs, field.Invalid(path, u.Fragment, "fragments are not permitted in the URL"))
	}
	if u.RawQuery != "" {
		errs = append(errs, field.Invalid(path, u.RawQuery, "query parameters are not permitted in the URL"))
	}
	return errs
}

func judgeService(s *apiextensionsv1.ServiceReference, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	// Kubernetes takes the one for the other here.
	if s.Namespace == "" {
		errs = append(errs, field.Required(path.Child("name"), ""))
	}
	if s.Name == "" {
		errs = append(errs, field.Required(path.Child("namespace"), ""))
	}
	if s.Port != nil {
		if problems := validation.IsValidPortNum(int(*s.Port)); len(problems) > 0 {
			errs = append(errs, field.Invalid(path.Child("port"), *s.Port, "port is not valid: "+strings.Join(problems, ", ")))
		}
	}
	if s.Path != nil && *s.Path != "" && *s.Path != "/" {
		errs = append(errs, judgeServicePath(*s.Path, path.Child("path"))...)
	}
	return errs
}

func judgeServicePath(text string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if text == "//" {
		return field.ErrorList{field.Invalid(path, text, "segment[0] may not be empty")}
	}
	if !strings.HasPrefix(text, "/") {
		errs = append(errs, field.Invalid(path, text, "must start with a '/'"))
	}
	for i, segment := range strings.Split(strings.TrimSuffix(text[1:], "/"), "/") {
		if segment == "" {
			errs = append(errs, field.Invalid(path, text, fmt.Sprintf("segment[%d] may not be empty", i)))
			continue
		}
		for _, problem := range validation.IsDNS1123Subdomain(segment) {
			errs = append(errs, field.Invalid(path, text, fmt.Sprintf("segment[%d]: %s", i, problem)))
		}
	}
	return errs
}
