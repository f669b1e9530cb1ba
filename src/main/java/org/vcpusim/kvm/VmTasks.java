package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;

/**
 * The tasks a VM is busy with, and who holds {@code ioapic->lock}.
 *
 * @param started how many tasks there have been
 * @param running tasks that are not finished, oldest first
 * @param lockOwner id of the task that holds the lock, or 0
 * @param lockWaiters ids of the tasks that wait for it, first come first served as a queued spinlock does
 */
record VmTasks(int started, List<VmTask> running, int lockOwner, List<Integer> lockWaiters) {
    static final VmTasks NONE = new VmTasks(0, List.of(), 0, List.of());

    VmTasks {
        running = List.copyOf(running);
        lockWaiters = List.copyOf(lockWaiters);
    }

    VmTask get(int id) {
        for (VmTask task : running) {
            if (task.id() == id) {
                return task;
            }
        }
        throw new IllegalStateException("task " + id + " is not running");
    }

    VmTasks start(VmStep first) {
        List<VmTask> more = new ArrayList<>(running);
        more.add(VmTask.of(started + 1, first));
        return new VmTasks(started + 1, more, lockOwner, lockWaiters);
    }

    VmTasks with(VmTask task) {
        List<VmTask> changed = new ArrayList<>(running.size());
        for (VmTask each : running) {
            changed.add(each.id() == task.id() ? task : each);
        }
        return new VmTasks(started, changed, lockOwner, lockWaiters);
    }

    VmTasks without(int id) {
        return new VmTasks(
                started, running.stream().filter(each -> each.id() != id).toList(), lockOwner, lockWaiters);
    }

    VmTasks withLock(int owner, List<Integer> waiters) {
        return new VmTasks(started, running, owner, waiters);
    }
}
