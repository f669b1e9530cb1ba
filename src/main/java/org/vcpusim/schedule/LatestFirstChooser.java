package org.vcpusim.schedule;

/**
 * The actor that became ready last: who was just sent something goes on at once, so that there are few changes from one to
 * another. Every {@value #PATIENCE}th choice is the actor that has been ready longest, so that nobody waits for ever.
 */
public final class LatestFirstChooser implements Chooser {
    private static final int PATIENCE = 256;

    private int choices;

    @Override
    public int choose(Ready ready) {
        choices++;
        return choices % PATIENCE == 0 ? 0 : ready.size() - 1;
    }
}
