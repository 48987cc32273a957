// The gate's hot thread: one real-time thread that takes every exec of every agent from the kernel and answers it.
// Runs as   a thread of the gate.
// Trusts    the kernel, its main thread; nothing that it reads in an agent's memory.
// Never     opens a path that an agent names; lets an exec go on that it could not record.
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { realTime } from '../../host/processes/real-time.ts';
import { Answers } from './answers.ts';
import { Endings } from './endings.ts';
import { Flight } from './flight.ts';
import { Journal } from './journal.ts';
import { Listeners } from './listeners.ts';
import type { FromHot, ToHot } from './messages.ts';
import { Times } from './times.ts';

const { port, wake, launchers, flight, times, running, journal } = workerData;

realTime();
const places = new Flight(flight);
const tell = (message: FromHot): void => port.postMessage(message);
const lines = new Journal(journal);
const endings = new Endings(running, lines);
const answers: Answers = new Answers(places, lines, endings, tell);
const listeners = new Listeners({ launchers, wake }, places, { answers, endings, times: new Times(times) }, tell);

const take = (): void => {
  for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) {
    const message = got.message as ToHot;
    if (message.do === 'listener') listeners.add(message);
    else if (message.do === 'begin') listeners.resume();
    else answers.take(message);
  }
};
for (;;) listeners.turn(take);
