{{/* Passes when the service's port takes connections, and nobody outside the mesh gets an answer in plain text. */}}
{{- define "service.test" -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ include "service.name" . }}-test
  labels:
    app.kubernetes.io/name: {{ include "service.name" . }}-test
    app.kubernetes.io/instance: {{ .Release.Name }}
    weft.dev/inject: "false"
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  securityContext: {{- include "service.podSecurity" . | nindent 4 }}
  containers:
    - name: test
      image: {{ include "service.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      securityContext: {{- include "service.containerSecurity" . | nindent 8 }}
      resources: { requests: { cpu: 10m, memory: 32Mi }, limits: { memory: 128Mi } }
      command: [node, -e]
      args:
        - |
          const { connect } = require('node:net');
          const end = (code, message) => (console.log(message), process.exit(code));
          setTimeout(() => end(1, 'no end of the connection within 20 s'), 20_000);
          const socket = connect({{ .Values.service.port }}, '{{ include "service.name" . }}', () => {
            socket.write('GET / HTTP/1.1\r\nhost: test\r\n\r\n');
          });
          socket.on('data', (answer) => end(1, `it answers in plain text: ${answer.subarray(0, 100)}`));
          socket.on('close', () => end(0, 'it takes connections, and refuses plain text'));
          socket.on('error', (error) => {
            if (error.code !== 'ECONNRESET') end(1, error.message);
          });
{{- end }}
