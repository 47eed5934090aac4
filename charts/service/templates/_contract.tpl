{{/* The descriptor set in base64; empty for a service without a contract. */}}
{{- define "service.descriptor" -}}
{{- with .Values.contract -}}
{{- if .descriptor -}}
{{- $descriptor := regexReplaceAll "\\s+" .descriptor "" -}}
{{- /* A set begins with field 1, its first file. */ -}}
{{- if not (and (regexMatch "^C[g-v][A-Za-z0-9+/]+=*$" $descriptor) .name) -}}
{{ fail (printf "contract.descriptor must be a descriptor set in base64, and contract.name its logical name: `base64 %s.binpb > %s.base64`, then --set-file contract.descriptor=%s.base64" (.name | default "cart") (.name | default "cart") (.name | default "cart")) }}
{{- end -}}
{{ $descriptor }}
{{- else if .name -}}
{{- $path := printf "contracts/%s.binpb" .name -}}
{{- $bytes := $.Files.Get $path -}}
{{- if not $bytes -}}{{ fail (printf "%s is not in the chart: run `make generate`, or set contract.descriptor for %s" $path .name) }}{{- end -}}
{{ $bytes | b64enc }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The first 16 hex digits of the descriptor set's SHA-256. */}}
{{- define "service.contractHash" -}}
{{- with include "service.descriptor" . }}{{ . | b64dec | sha256sum | trunc 16 }}{{ end -}}
{{- end }}

{{/*
The contract under its hash. It stays when the release goes on to another version, for pods that still serve this one; the control plane
removes it after the last. A ConfigMap holds 1 MiB, so a larger set comes in parts of 720 KiB (a multiple of 3, so that base64 can be cut).
*/}}
{{- define "service.contract" -}}
{{- $descriptor := include "service.descriptor" . -}}
{{- if $descriptor -}}
{{- $hash := include "service.contractHash" . -}}
{{- $partLength := 983040 -}}
{{- $length := len $descriptor -}}
{{- $parts := div (add $length (sub $partLength 1)) $partLength | int -}}
{{- range $part := until $parts }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ printf "weft-contract-%s-%s" $.Values.contract.name $hash }}{{ if gt $parts 1 }}-{{ $part }}{{ end }}
  labels:
    {{- include "service.labels" $ | nindent 4 }}
    weft.dev/contract: {{ $hash | quote }}
  annotations:
    helm.sh/resource-policy: keep
    weft.dev/contract-name: {{ $.Values.contract.name }}
    weft.dev/contract-part: "{{ add $part 1 }}/{{ $parts }}"
immutable: true
binaryData:
  {{ $.Values.contract.name }}.binpb: {{ substr (mul $part $partLength | int) (min $length (mul (add $part 1) $partLength) | int) $descriptor }}
{{- end }}
{{- end -}}
{{- end }}
