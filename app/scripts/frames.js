// -- frames: a message is one and not three, and what the server says in one turn is one; see `wire.py`

const {Message} = bokeh("protocol/message")
const {ClientConnection} = bokeh("client/connection")
if (Message?.prototype.send && ClientConnection?.prototype._on_message) {
  const send = Message.prototype.send
  Message.prototype.send = function(socket) {
    const parts = []
    send.call(this, {send: (part) => parts.push(part)})
    socket.send(parts.splice(0, 3).join(__SEPARATOR__))
    for (const part of parts) { socket.send(part) }
  }
  const take = ClientConnection.prototype._on_message
  ClientConnection.prototype._on_message = function({data}) {
    const parts = typeof data == "string" ? data.split(__SEPARATOR__) : [data]
    for (const part of parts) {
      // What one message does wrong is told, and the next is heard.
      try { take.call(this, {data: part}) } catch (error) { reportError(error) }
    }
  }
}
