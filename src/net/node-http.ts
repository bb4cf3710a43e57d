/**
 * `node:http`. An `import` of it reads every one of its exports, `WebSocket` among them, and so loads an HTTP client and
 * web streams that nobody here uses: 130 modules, 100 ms of CPU and 3 MB in each thread (Node 26). This way it is 38.
 */
export const http = process.getBuiltinModule('node:http')
