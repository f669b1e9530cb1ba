package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.schedule.Chooser;
import org.vcpusim.schedule.LatestFirstChooser;
import org.vcpusim.search.PlainMachine;

/**
 * A schedule of one machine made one of another whose rules differ: who has to do something there first does it before the step
 * that the schedule is about, and a step that is none there is left out.
 *
 * <p>Without one of several faults a vCPU looks once more here or asks for a lock there; pick by pick it would from then on be
 * late. A step is known by its message, and one of a vCPU's own by its phase.
 */
final class Realigned {
    /** Steps that are taken to reach the one that is wanted, before it is given up. */
    private static final int MOST_AHEAD = 24;

    private Realigned() {}

    /** Who goes on until the step that is wanted is there. */
    enum Driver {
        /** Whoever takes it. */
        ITSELF {
            @Override
            int of(Label label, int component) {
                return component;
            }
        },
        /** Whoever sends its message. */
        SENDER {
            @Override
            int of(Label label, int component) {
                return label.sender;
            }
        };

        abstract int of(Label label, int component);
    }

    /**
     * By what a step is known.
     *
     * @param kind of its message, or the phase of a vCPU that goes on
     * @param sender the component from which its message came
     */
    record Label(Object kind, int sender) {}

    /**
     * {@code picks} for {@code other}.
     *
     * @param labels of the steps of {@code picks}, see {@link Labels}
     */
    static int[] of(int[] picks, List<Label> labels, Assembly other, Driver driver) {
        return behind(0, picks, labels, other, driver);
    }

    /** As {@link #of}, where the first {@code count} of {@code picks} stay as they are. */
    @SuppressWarnings("TooManyParameters") // what of() has, and from where on
    static int[] behind(int count, int[] picks, List<Label> labels, Assembly other, Driver driver) {
        PlainMachine machine = PlainSimulation.machine(other, PlainSimulation.NOWHERE);
        machine.start();
        Chooser nearest = new LatestFirstChooser();
        List<Integer> taken = new ArrayList<>();
        int[] next = followers(picks);
        for (int i = 0; i < picks.length; i++) {
            boolean ahead = i >= count && next[i] >= 0 && isAt(machine, picks[i], labels.get(next[i]));
            if (ahead && !isAt(machine, picks[i], labels.get(i))) {
                continue;
            }
            for (int more = 0; i >= count && more < MOST_AHEAD && !isAt(machine, picks[i], labels.get(i)); more++) {
                if (machine.ready().size() == 0) {
                    break;
                }
                int chosen = machine.position(driver.of(labels.get(i), picks[i]));
                chosen = chosen >= 0 ? chosen : nearest.choose(machine.ready());
                taken.add(machine.ready().actor(chosen));
                machine.step(chosen);
            }
            if (machine.position(picks[i]) >= 0) {
                taken.add(picks[i]);
                machine.step(machine.position(picks[i]));
            }
        }
        return taken.stream().mapToInt(Integer::intValue).toArray();
    }

    /** For each pick the next one of the same component, or -1. */
    private static int[] followers(int[] picks) {
        int[] next = new int[picks.length];
        int[] last = new int[1 + Arrays.stream(picks).max().orElse(0)];
        Arrays.fill(last, -1);
        for (int i = picks.length - 1; i >= 0; i--) {
            next[i] = last[picks[i]];
            last[picks[i]] = i;
        }
        return next;
    }

    private static boolean isAt(PlainMachine machine, int component, Label label) {
        return machine.position(component) >= 0 && kind(machine, component).equals(label.kind);
    }

    /** By what the next step of {@code component} is known. */
    static Object kind(PlainMachine machine, int component) {
        Object message = machine.next(component);
        return message instanceof Vcpu.Step && machine.state(component) instanceof Vcpu vcpu
                ? vcpu.phase()
                : message.getClass();
    }

    /** By what the next step of {@code component} is known, whose message step {@code sender} of those {@code taken} has sent. */
    @SuppressWarnings("TooManyParameters") // a step, and where it comes from
    static Label label(PlainMachine machine, int component, int sender, List<Integer> taken) {
        return new Label(kind(machine, component), sender >= 0 ? taken.get(sender) : component);
    }

    /** Notes by what the steps of a run are known. */
    static final class Labels implements Attempt.Watcher {
        private final Threads threads = new Threads();
        private final List<Integer> components = new ArrayList<>();
        private final List<Label> labels = new ArrayList<>();

        @Override
        public void starts(PlainMachine machine) {
            threads.starts(machine);
        }

        @Override
        public void steps(PlainMachine machine, int component) {
            threads.steps(machine, component);
            labels.add(label(machine, component, threads.sender(), components));
            components.add(component);
        }

        /** In the order of the steps. */
        List<Label> list() {
            return labels;
        }
    }
}
