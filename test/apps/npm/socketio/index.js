const express = require('express');
const http = require('node:http');
const { Server } = require('socket.io');

const app = express();
const server = http.createServer(app);
const io = new Server(server);

app.get('/', (request, response) => {
  response.send('<h1>Hello world</h1><script src="/socket.io/socket.io.js"></script>');
});

io.on('connection', (socket) => {
  socket.on('chat message', (text) => io.emit('chat message', text));
});

server.listen(3000, () => {
  console.log('server running at http://localhost:3000');
});
