//! What polls the tasks of a world, one after the other.

use super::{Process, Task, World};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

/// What polls the tasks of a world.
pub struct Executor {
    world: World,
    ready: Arc<Mutex<Vec<usize>>>,
    tasks: Vec<Option<Running>>,
    free: Vec<usize>,
}

struct Running {
    process: Process,
    task: Task,
    wakeup: Arc<Wakeup>,
}

/// How a task is woken: it is queued once, however often it is woken.
struct Wakeup {
    task: usize,
    is_queued: AtomicBool,
    ready: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Wakeup {
    fn wake(self: Arc<Wakeup>) {
        if !self.is_queued.swap(true, Ordering::Relaxed) {
            queue(&self.ready, self.task);
        }
    }
}

pub(super) fn queue(ready: &Mutex<Vec<usize>>, task: usize) {
    ready.lock().expect("nobody panics while holding it").push(task);
}

impl Executor {
    /// Of a world's tasks, of which there is one executor.
    pub fn new(world: &World) -> Executor {
        let ready = world.lock().ready.clone();
        Executor { world: world.clone(), ready, tasks: Vec::new(), free: Vec::new() }
    }

    /// Let everybody move until the moment `until`, in microseconds, or until nobody can.
    pub fn run(&mut self, until: u64) {
        loop {
            self.adopt();
            self.bury();
            match self.next() {
                Some(task) => self.poll(task),
                None if self.world.advance(until) => {}
                None => break,
            }
        }
        let mut inner = self.world.lock();
        inner.now = inner.now.max(until);
    }

    fn adopt(&mut self) {
        let spawned = std::mem::take(&mut self.world.lock().spawned);
        for (process, task) in spawned {
            let place = self.free.pop().unwrap_or_else(|| {
                self.tasks.push(None);
                self.tasks.len() - 1
            });
            let is_queued = AtomicBool::new(true);
            let wakeup = Arc::new(Wakeup { task: place, is_queued, ready: self.ready.clone() });
            self.tasks[place] = Some(Running { process, task, wakeup });
            queue(&self.ready, place);
        }
    }

    fn bury(&mut self) {
        let killed = std::mem::take(&mut self.world.lock().killed);
        if killed.is_empty() {
            return;
        }
        for place in 0..self.tasks.len() {
            let dead = |running: &mut Running| killed.contains(&running.process);
            if self.tasks[place].take_if(dead).is_some() {
                self.free.push(place);
            }
        }
    }

    /// Whose turn it is, which chance decides.
    fn next(&self) -> Option<usize> {
        let mut ready = self.ready.lock().expect("nobody panics while holding it");
        if ready.is_empty() {
            return None;
        }
        let choice = self.world.below(ready.len() as u64) as usize;
        Some(ready.swap_remove(choice))
    }

    fn poll(&mut self, place: usize) {
        let Some(running) = &mut self.tasks[place] else { return };
        if self.world.holds_up(running.process, place) {
            return;
        }
        running.wakeup.is_queued.store(false, Ordering::Relaxed);
        let waker = Waker::from(running.wakeup.clone());
        let polled = running.task.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            self.tasks[place] = None;
            self.free.push(place);
        }
    }
}
