import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { expect, test, vi } from 'vitest';
import { onceEstablished, watchConnections } from '../../src/sms/connection-watch.ts';

/** A connection of the agent that goes nowhere: the test says how far it is. */
function connectionOf(agent: Agent, socket: Socket): Socket {
  agent.createConnection = () => socket;
  watchConnections(agent);
  agent.createConnection({});
  return socket;
}

test.each([
  ['TCP', () => connectionOf(new Agent(), new Socket()), ['lookup'], 'connect'],
  ['TLS', () => connectionOf(new TlsAgent(), new TLSSocket(new Socket())), ['connect'], 'secureConnect'],
])('a connection of %s stands when it is made, for whoever asks before and after', (_, open, earlier, made) => {
  const socket = open();
  const before = vi.fn();
  onceEstablished(socket, before);
  for (const event of earlier) socket.emit(event);
  expect(before).not.toHaveBeenCalled();

  // Given up by the request that opened it, it waits for another one.
  const meanwhile = vi.fn();
  onceEstablished(socket, meanwhile);
  expect(meanwhile).not.toHaveBeenCalled();
  socket.emit(made);
  expect([before, meanwhile].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);

  const after = vi.fn();
  onceEstablished(socket, after);
  expect(after).toHaveBeenCalledOnce();
});

test('a connection that nobody watched counts as standing', () => {
  const then = vi.fn();
  onceEstablished(new Socket(), then);
  expect(then).toHaveBeenCalledOnce();
});
