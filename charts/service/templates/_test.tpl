{{/* Passes if the service's port accepts connections and the mesh refuses plain text from outside. */}}
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
      {{- /* An image without the kit may have no Node. */}}
      image: {{ ternary (include "service.image" .) (include "service.setupImage" .) .Values.mesh.kit }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      securityContext: {{- include "service.containerSecurity" . | nindent 8 }}
      resources: { requests: { cpu: 10m, memory: 32Mi }, limits: { memory: 128Mi } }
      command: [node, -e]
      args:
        - |
          const { connect } = require('node:net');
          const end = (code, message) => (console.log(message), process.exit(code));
          setTimeout(() => end(1, 'neither an answer nor an end of the connection within 20 s'), 20_000);
          let answer = '';
          const socket = connect({{ .Values.service.port }}, '{{ include "service.name" . }}', () => {
            socket.write('GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n');
          });
          socket.on('data', (piece) => (answer += piece));
          socket.on('close', () => {
            if (answer === '') end(0, 'it takes connections, and closes those in plain text');
            const refused = /^HTTP\/1\.1 403 [^]*\r\n\r\nweft: /.test(answer);
            end(refused ? 0 : 1, `${refused ? 'plain text is refused' : 'it answers in plain text'}: ${answer.slice(-200)}`);
          });
          socket.on('error', (error) => {
            if (error.code !== 'ECONNRESET') end(1, error.message);
          });
{{- end }}
