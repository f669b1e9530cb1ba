package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;

/**
 * The pair of 8259 interrupt controllers, as far as machines with the default routing need it.
 *
 * <p>Source: arch/x86/kvm/i8259.c. Ack notifiers run after the operation that caused them instead of in its middle.
 *
 * @param output whether the master asks for an interrupt
 * @param irqStates asserting sources of each of the 16 inputs
 */
record Pic(PicChip master, PicChip slave, boolean output, List<Integer> irqStates) {
    static final int INPUTS = 16;

    private static final int CASCADE = 2;
    private static final int SPURIOUS = 7;
    private static final int MASTER_ELCR = 0xf8;
    private static final int SLAVE_ELCR = 0xde;

    Pic {
        irqStates = List.copyOf(irqStates);
    }

    static Pic reset() {
        return new Pic(PicChip.RESET, PicChip.RESET, false, java.util.Collections.nCopies(INPUTS, 0));
    }

    /** What an operation leaves behind: the inputs whose service it ended, and what it returns. */
    record Step(Pic pic, List<Integer> ended, int value) {
        Step {
            ended = List.copyOf(ended);
        }
    }

    /** Whether the PIC answers at {@code port}. */
    static boolean claims(int port) {
        return port == 0x20 || port == 0x21 || port == 0xa0 || port == 0xa1 || port == 0x4d0 || port == 0x4d1;
    }

    PicChip chip(int index) {
        return index == 0 ? master : slave;
    }

    private Pic withChip(int index, PicChip chip) {
        return index == 0 ? new Pic(chip, slave, output, irqStates) : new Pic(master, chip, output, irqStates);
    }

    /** {@code kvm_pic_set_irq}: input 0 to 15 from {@code source} to {@code level}. */
    Step setInput(int input, int source, int level) {
        List<Integer> states = new ArrayList<>(irqStates);
        int before = states.get(input);
        states.set(input, level == 0 ? before & ~(1 << source) : before | 1 << source);
        int line = states.get(input) == 0 ? 0 : 1;
        PicChip chip = chip(input >> 3);
        int result = chip.lineResult(input & 7, line);
        Pic next = new Pic(master, slave, output, states).withChip(input >> 3, chip.withLine(input & 7, line));
        return new Step(next.updated(), List.of(), result);
    }

    /** {@code pic_update_irq}: the slave's request reaches the master, the master's the processor. */
    Pic updated() {
        PicChip m = master;
        if (slave.pendingInput(0) >= 0) {
            m = m.withLine(CASCADE, 1).withLine(CASCADE, 0);
        }
        return new Pic(m, slave, masterInput(m) >= 0, irqStates);
    }

    private static int masterInput(PicChip master) {
        return master.pendingInput(master.specialFullyNested() ? 1 << CASCADE : 0);
    }

    /** {@code kvm_pic_read_irq}: the processor acknowledges; the value is the vector. */
    Step acknowledge() {
        List<Integer> ended = new ArrayList<>();
        int input = masterInput(master);
        if (input < 0) {
            return new Step(updated(), ended, master.irqBase() + SPURIOUS);
        }
        Pic next = withChip(0, master.acknowledged(input));
        addAutoEoi(ended, master, input);
        int vector = master.irqBase() + input;
        if (input == CASCADE) {
            int second = slave.pendingInput(0);
            vector = slave.irqBase() + (second < 0 ? SPURIOUS : second);
            if (second >= 0) {
                next = next.withChip(1, slave.acknowledged(second));
                addAutoEoi(ended, slave, second + 8);
            }
        }
        return new Step(next.updated(), ended, vector);
    }

    private static void addAutoEoi(List<Integer> ended, PicChip chip, int input) {
        if (chip.autoEoi()) {
            ended.add(input);
        }
    }

    /** A byte written to {@code port}; {@code acceptor} says whether any local APIC takes the PIC's interrupts. */
    Step write(int port, int value, Acceptor acceptor) {
        int index = port >> 7 & 1;
        return switch (port) {
            case 0x20, 0xa0 -> writeCommand(index, value, acceptor);
            case 0x21, 0xa1 -> writeData(index, value);
            case 0x4d0 -> new Step(withChip(0, master.withElcr(value & MASTER_ELCR)), List.of(), 0);
            default -> new Step(withChip(1, slave.withElcr(value & SLAVE_ELCR)), List.of(), 0);
        };
    }

    /** Whether some local APIC takes the PIC's interrupts. */
    enum Acceptor {
        SOME,
        NONE
    }

    private Step writeCommand(int index, int value, Acceptor acceptor) {
        PicChip chip = chip(index);
        if ((value & 0x10) != 0) {
            return initialise(index, value, acceptor);
        }
        if ((value & 8) != 0) {
            return new Step(withChip(index, chip.commanded3(value)), List.of(), 0);
        }
        int command = value >> 5 & 7;
        int named = value & 7;
        return switch (command) {
            case 0, 4 -> new Step(withChip(index, chip.withRotateOnAutoEoi(command)), List.of(), 0);
            case 1, 5 -> endHighest(index, command);
            case 3 -> end(index, named, chip);
            case 6 ->
                new Step(withChip(index, chip.withPriorityAdd(named + 1 & 7)).updated(), List.of(), 0);
            case 7 -> end(index, named, chip.withPriorityAdd(named + 1 & 7));
            default -> new Step(this, List.of(), 0);
        };
    }

    private Step initialise(int index, int value, Acceptor acceptor) {
        PicChip chip = chip(index);
        int edges = chip.irr() & ~chip.elcr();
        PicChip next = chip.initialised(value);
        List<Integer> ended = new ArrayList<>();
        if (acceptor == Acceptor.SOME) {
            for (int input = 0; input < INPUTS / 2; input++) {
                if ((edges & 1 << input) != 0) {
                    next = next.ended(input);
                    ended.add(input + 8 * index);
                }
            }
        }
        return new Step(withChip(index, next), ended, 0);
    }

    private Step endHighest(int index, int command) {
        PicChip chip = chip(index);
        int priority = chip.priorityOf(chip.isr());
        if (priority == PicChip.NO_PRIORITY) {
            return new Step(this, List.of(), 0);
        }
        int input = chip.inputAt(priority);
        return end(index, input, command == 5 ? chip.withPriorityAdd(input + 1 & 7) : chip);
    }

    private Step end(int index, int input, PicChip chip) {
        return new Step(withChip(index, chip.ended(input)).updated(), List.of(input + 8 * index), 0);
    }

    private Step writeData(int index, int value) {
        PicChip chip = chip(index);
        if (chip.initState() == 0) {
            return new Step(withChip(index, chip.withImr(value)).updated(), List.of(), 0);
        }
        return new Step(withChip(index, chip.initialisationWord(value)), List.of(), 0);
    }

    /** A byte read from {@code port}. */
    Step read(int port) {
        if (port >= 0x4d0) {
            return new Step(this, List.of(), chip(port & 1).elcr());
        }
        int index = port >> 7 & 1;
        PicChip chip = chip(index);
        if (chip.poll()) {
            return poll(index);
        }
        int command = chip.readIsr() ? chip.isr() : chip.irr();
        return new Step(this, List.of(), (port & 1) == 0 ? command : chip.imr());
    }

    private Step poll(int index) {
        int input = index == 0 ? masterInput(master) : slave.pendingInput(0);
        if (input < 0) {
            return new Step(withChip(index, chip(index).polled()).updated(), List.of(), SPURIOUS);
        }
        Pic next = this;
        if (index == 1) {
            int cascade = 1 << CASCADE;
            next = withChip(0, master.withService(master.irr() & ~cascade, master.isr() & ~cascade));
        }
        PicChip chip = next.chip(index).polled();
        int bit = 1 << input;
        next = next.withChip(index, chip.withService(chip.irr() & ~bit, chip.isr() & ~bit));
        boolean update = index == 1 || input != CASCADE;
        return new Step(update ? next.updated() : next, List.of(input + 8 * index), 0x80 | input);
    }
}
